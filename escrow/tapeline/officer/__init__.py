"""What officers do: found the organisation, open ceremonies, sign rosters, certificates and revocations."""
