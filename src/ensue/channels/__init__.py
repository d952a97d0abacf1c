"""How a message leaves: one channel per file, behind one protocol. None knows the engine or the store."""
