"""Telling others what happens, and hearing from them."""
