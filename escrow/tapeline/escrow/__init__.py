"""The escrow service: a bulletin board of signed statements under a transparency log; it can delay, it cannot forge."""
