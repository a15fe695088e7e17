"""What the client knows of everybody: the verified replay of directory leaves, under cosigned notes."""
