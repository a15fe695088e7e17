"""The Tapeline client SDK: end-to-end encrypted, escrowed, verified messages in a few lines.

async with await Client.enrol(code, relay=…, enroller=…, store=…, passphrase=…) as alice:
    conversation = await alice.create_conversation(["bob"])
    receipt = await conversation.send("hello")
"""

from tapeline.client.client import Client, PersonName
from tapeline.client.conversation import Conversation
from tapeline.client.message import Message
from tapeline.client.options import ClientOptions
from tapeline.client.send.outgoing import Receipt

__all__ = ["Client", "ClientOptions", "Conversation", "Message", "PersonName", "Receipt"]
