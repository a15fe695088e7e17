"""COCKTAIL-DKG v0.2.1, suite COCKTAIL(Ed25519, SHA-512), as pure functions over typed packages (c2sp.org/cocktail-dkg).

Order of the rounds, and what each package may do:

| step | function | package | travels |
|---|---|---|---|
| setup | `setup.Setup` | session id, threshold, host keys | public, agreed by all |
| 1 | `deal.deal` | `round1.Round1Message` | public, to everyone |
| 2 | `round2.receive` | `round2.Outcome` | **never leaves the machine**; its `.group` is public |
| 3 | `certificate.sign_transcript` | a success signature | public, to everyone |
| 3 | `certificate.verify_certificate` | transcript and n signatures | public, kept |
| on abort | `accusation.accuse` | `accusation.Accusation` | public, only after the abort |
| later | `recovery.recover` | host secret and share bundle in, `Outcome` out | **never leaves the machine** |

A refusal names its culprit by participant index. No function keeps a polynomial or an ephemeral secret: they die with
the call that made them.
"""
