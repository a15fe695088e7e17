"""Making an escrow key together: pure steps over signed messages, a resumable record, and a thin driver.

    join ──all joined──▶ round1 ──all dealt──▶ success ──all signed──▶ stored ──restored──▶ activation
                                                              ──all answered──▶ certificate ──all signed──▶ done

Each step takes what the board holds and the agent's own record, and returns a new record whose one new message is
posted only after the record is stored. A crash therefore repeats a message byte by byte, never with other secrets.
"""
