"""What the gateway and the console have in common: how they listen, who may come in, and how they say they are well."""
