"""Mutation testing: breaks the checker and the compiler on purpose, and shows what no test notices."""
