"""Many fits side by side, stored, with what they depend on."""
