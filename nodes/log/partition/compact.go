package partition

// cleaned is how far compaction has come.
type cleaned struct{ passes []pass }

type pass struct{ below, at int64 }

func (c *cleaned) cut(int64) {}

func decodeCleaned([]byte) cleaned { return cleaned{} }
