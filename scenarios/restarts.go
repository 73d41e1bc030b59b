package scenarios

// noRestarts says that whatever ends in a run stays ended until a phase heals it: a restart heals many bugs.
func (s *Spec) noRestarts() bool { return s.doc.Restarts != nil && !*s.doc.Restarts }

// withoutRestart takes the end out of what stops processes. It returns false of a fault that does nothing but to
// start one, or that cannot be without.
func withoutRestart(f *Fault) bool {
	switch f.Verb {
	case Start, WipeDisk:
		return false
	case Crash, CrashMachine, CutPower, Stop:
		f.For = 0
	}
	return true
}
