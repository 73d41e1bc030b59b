package gearman

import "crypto/sha256"

// uniques finds the job that a submission coalesces with. Jobs of one identity and several functions are
// chained, oldest first.
type uniques map[string]*job

// identityOf is what a submission coalesces by: nothing for an empty unique id, the payload for "-" (nothing if
// that is empty too), else the id. A payload stands here by its hash, behind a NUL that no id contains.
func identityOf(unique, data []byte) string {
	if len(unique) != 1 || unique[0] != '-' {
		return string(unique)
	}
	if len(data) == 0 {
		return ""
	}
	sum := sha256.Sum256(data)
	return "\x00" + string(sum[:])
}

// find returns the job of that identity and function, or nil.
func (u uniques) find(f *function, identity string) *job {
	if identity == "" {
		return nil
	}
	for j := u[identity]; j != nil; j = j.nextSame {
		if j.function == f {
			return j
		}
	}
	return nil
}

// add makes the job findable, unless another one of its identity is there.
func (u uniques) add(j *job) {
	if j.identity == "" {
		return
	}
	head := u[j.identity]
	if head == nil {
		u[j.identity] = j
		return
	}
	for at := head; ; at = at.nextSame {
		if at.function == j.function {
			j.identity = ""
			return
		}
		if at.nextSame == nil {
			at.nextSame = j
			return
		}
	}
}

// remove makes the job unfindable: who submits the same again wants it done again.
func (u uniques) remove(j *job) {
	if j.identity == "" {
		return
	}
	head := u[j.identity]
	switch {
	case head != j:
		for head.nextSame != j {
			head = head.nextSame
		}
		head.nextSame = j.nextSame
	case j.nextSame != nil:
		u[j.identity] = j.nextSame
	default:
		delete(u, j.identity)
	}
	j.identity, j.nextSame = "", nil
}
