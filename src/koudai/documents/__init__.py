"""Documents: what people write in YAML, read into typed values, with line and column of each mistake.

A room that takes documents (policy packs, programmes) declares what they look like as msgspec structs
and reads them with `read`. What only it can judge it adds as mistakes of its own, by the path of the value.
"""

from koudai.documents.model import Document, DocumentFault, Mistake, Path, Place, as_path
from koudai.documents.read import at_most, read, schema_of

__all__ = ["Document", "DocumentFault", "Mistake", "Path", "Place", "as_path", "at_most", "read", "schema_of"]
