"""The vault: keeps the post-quantum keys V, signs receipts, and releases q behind the whole gate."""
