"""A whole plan of a roster, every key in it once, as `tapeline officer roster example` prints it."""

from __future__ import annotations

EXAMPLE = """\
organisation = "Bank"            # the firm, as devices and conversations name it
classes = ["7y", "3y"]           # retention classes; each needs a ceremony of its own
default_class = "7y"
expires_days = 365               # then warrants stop, until a new roster is signed

[thresholds]
officers = 2                     # how many sign a roster, a certificate, a revocation
approvals = 2                    # how many approvers a case needs
approval_groups = 2              # from how many different groups

[witness_quorum]
total = 3                        # how many witnesses cosign a log
outside = 1                      # how many of them from outside the company

[delays]                         # all in milliseconds
publication_ms = 3600000         # how long a warrant is public before anything is released: 1 hour
change_ms = 259200000            # how long a change of approvers or witnesses is public before it counts: 3 days
merge_ms = 60000                 # how soon what a service acknowledged is under a cosigned checkpoint: 1 minute

[parts]                          # what `init` of each service printed with --json
relay = "parts/relay.json"
escrow = "parts/escrow.json"
vault = "parts/vault.json"

[addresses]                      # optional: where services listen; trusted for nothing
relay = "127.0.0.1:7001"
relay_http = "127.0.0.1:7002"
escrow = "127.0.0.1:7003"
escrow_http = "127.0.0.1:7004"
vault = "127.0.0.1:7005"
enroller = "127.0.0.1:7006"

[[people]]
id = "olga"                      # unique; an employee's user name, where the person chats too
name = "Olga Officer"            # optional; else the name in the key file
roles = ["officer", "legal"]     # of officer, enroller, custodian, approver, reviewer, auditor, legal
part = "parts/olga.json"         # printed by `tapeline key show KEYFILE --json`

[[people]]
id = "otto"
roles = ["officer"]
part = "parts/otto.json"

[[people]]
id = "oona"                      # one more than must sign: a lost passphrase ends nothing
roles = ["officer"]
part = "parts/oona.json"

[[people]]
id = "enroller"                  # the service that enrols devices; without one nobody can join
roles = ["enroller"]
part = "parts/enroller.json"     # printed by `tapeline enroller init --json`

[[people]]
id = "cora"
roles = ["custodian"]
group = "board"                  # of custodians and approvers: the house they speak for
part = "parts/cora.json"

[[people]]
id = "carl"
roles = ["custodian"]
group = "works council"
part = "parts/carl.json"

[[people]]
id = "cleo"
roles = ["custodian"]
group = "internal audit"
part = "parts/cleo.json"

[[people]]
id = "ada"
roles = ["approver"]
group = "compliance"             # approvals must come from different groups
part = "parts/ada.json"

[[people]]
id = "abel"
roles = ["approver"]
group = "works council"
part = "parts/abel.json"

[[people]]
id = "amos"
roles = ["approver"]
group = "legal"
part = "parts/amos.json"

[[people]]
id = "rita"
roles = ["reviewer"]
part = "parts/rita.json"

[[people]]
id = "aude"
roles = ["auditor"]
part = "parts/aude.json"

[[witnesses]]
name = "house"                   # its name in this roster; its key has a name of its own
group = "inside"                 # "outside": the company neither runs it nor holds its key; else "inside"
url = "http://127.0.0.1:7011"
part = "parts/house.json"        # printed by `tapeline witness key --json`

[[witnesses]]
name = "branch"
group = "inside"
url = "http://127.0.0.1:7014"
part = "parts/branch.json"

[[witnesses]]
name = "notary"
group = "outside"
url = "http://127.0.0.1:7012"
part = "parts/notary.json"

[[witnesses]]
name = "university"
group = "outside"
url = "http://127.0.0.1:7013"
part = "parts/university.json"
"""
