"""What a document asks for, held against what its sender may see."""
