"""Between plain Python values and Flyte literals, by the interface of the entity; the encodings are
flytekit's.
"""

from flyte_provider._client.codec.decode import decode, decode_map
from flyte_provider._client.codec.encode import Upload, encode
from flyte_provider._client.codec.inputs import InputInterface, encode_inputs

__all__ = ["InputInterface", "Upload", "decode", "decode_map", "encode", "encode_inputs"]
