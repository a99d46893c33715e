"""The recorder's loops: from a source's samples to segments and journal lines."""
