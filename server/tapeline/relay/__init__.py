"""The relay: it checks, orders, stores and delivers what it cannot read."""
