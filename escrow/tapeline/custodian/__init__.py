"""The custodian's agent: takes part in ceremonies, keeps one share, and releases partials behind the whole gate."""
