"""The enroller: signs a user's first device after a one-time code; it runs apart from the relay, by other people."""
