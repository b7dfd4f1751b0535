"""Training a part of a model: frozen parts, fine-tuning in a second phase, and cached outputs of a frozen encoder."""
