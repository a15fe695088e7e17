"""What custodian, vault and reviewer share: a sealed store, access to board and archive, and warrant packages."""
