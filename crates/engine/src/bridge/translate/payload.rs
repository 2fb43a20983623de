//! What older clients cannot read, said in their words: content types, structured content, schemas, elicitation forms.
