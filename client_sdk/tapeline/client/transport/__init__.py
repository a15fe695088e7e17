"""How the client reaches relay and enroller: channels, login, calls, one stream that heals itself."""
