"""The reviewer's workspace, the only place where plaintext appears, and the approver's desk."""
