package record

import (
	"bytes"
	"slices"

	"golang.org/x/mod/sumdb/note"

	"tocsin/internal/ledger"
	"tocsin/internal/store"
)

// rotation is an entry that names the log's next key.
type rotation struct {
	seq  int64
	key  note.Verifier
	lost bool // the old key was, and cannot vouch for this one
}

// log goes through the log from its first entry to its last.
func (v *verifier) log() error {
	v.trust()
	var err error
	if v.walk, err = ledger.NewWalk(v.evidence.Claims...); err != nil {
		return err
	}
	if err := v.checkpointsHere(); err != nil {
		return err
	}
	for {
		es, err := v.tx.EntriesByPlace(v.ctx, v.walk.Size, page)
		if err != nil {
			return err
		}
		if len(es) == 0 {
			break
		}
		for i := range es {
			if err := v.placed(&es[i]); err != nil {
				return err
			}
		}
	}
	return v.end()
}

// trust begins with the keys that the reader trusts.
func (v *verifier) trust() {
	v.trusted = map[string]bool{}
	for _, id := range v.evidence.Trusted {
		v.trusted[id] = true
	}
	if len(v.trusted) == 0 {
		for _, k := range v.keys.Log {
			v.trusted[ledger.KeyID(k)] = true
		}
	}
}

// placed takes one entry of the log.
func (v *verifier) placed(e *ledger.Entry) error {
	nodes, err := v.walk.Add(e)
	if err != nil {
		return err
	}
	for _, n := range nodes[1:] {
		if n.Level%ledger.TileHeight == 0 {
			if err := v.node(n); err != nil {
				return err
			}
		}
	}
	if e.Act == "ledger.rotate" {
		if err := v.rotate(e); err != nil {
			return err
		}
	}
	if err := v.checkpointsHere(); err != nil {
		return err
	}
	return v.entry(e)
}

// node compares a hash of the tree with the one that is kept.
func (v *verifier) node(n ledger.Node) error {
	if len(v.nodes) == 0 {
		var err error
		if v.nodes, err = v.tx.StoredNodes(v.ctx, n.Index()-1, page); err != nil {
			return err
		}
	}
	if len(v.nodes) == 0 || v.nodes[0].ID != n.Index() {
		return wrong("a hash of the tree (level %d, number %d) is missing", n.Level, n.N)
	}
	is := v.nodes[0]
	v.nodes = v.nodes[1:]
	if is.Level != int64(n.Level) || is.N != n.N || !bytes.Equal(is.Hash, n.Hash[:]) {
		return wrong("a hash of the tree (level %d, number %d) is not that of the entries below it", n.Level, n.N)
	}
	return nil
}

// rotate notes the key that is to follow.
func (v *verifier) rotate(e *ledger.Entry) error {
	var b struct {
		Key  string `json:"key"`
		Lost bool   `json:"lost"`
	}
	if err := v.body(e, &b); err != nil {
		return err
	}
	k, err := ledger.ReadKeys(b.Key)
	if err != nil || len(k.Log) != 1 {
		return wrong("entry %d changes the log's key and names none that can be read", e.ID)
	}
	v.rotating = &rotation{seq: e.Seq, key: k.Log[0], lost: b.Lost}
	v.lastKey, v.lastRotation = b.Key, e.ID
	id := ledger.KeyID(k.Log[0])
	if slices.Contains(v.evidence.Trusted, id) {
		return nil
	}
	// An id has 32 bits: another key that lies with the log may have the same, and is not the one that is handed over to.
	v.keys.Log = append(slices.DeleteFunc(slices.Clone(v.keys.Log), func(have note.Verifier) bool { return ledger.KeyID(have) == id }), k.Log[0])
	return nil
}

// checkpointsHere compares the checkpoint of the log as it is now, where one is kept.
func (v *verifier) checkpointsHere() error {
	if len(v.checkpoints) == 0 && !v.allRead {
		var err error
		if v.checkpoints, err = v.tx.CheckpointsAfter(v.ctx, v.walk.Size-1, page); err != nil {
			return err
		}
		v.allRead = len(v.checkpoints) < page
	}
	if len(v.checkpoints) == 0 || v.checkpoints[0].Size != v.walk.Size {
		return nil
	}
	c := v.checkpoints[0]
	v.checkpoints = v.checkpoints[1:]
	v.sum.Checkpoints++
	v.sum.Signed = c.Size
	return v.checkpoint(&c)
}

// checkpoint holds a kept checkpoint against the log, and its signatures against the keys that are trusted by now.
func (v *verifier) checkpoint(c *store.Checkpoint) error {
	s, err := ledger.OpenCheckpoint([]byte(c.Note), v.keys)
	if err != nil {
		return wrong("the checkpoint of %d entries: %v", c.Size, err)
	}
	root := v.walk.Root()
	switch {
	case s.Size != c.Size || !bytes.Equal(s.Root[:], c.Root):
		return wrong("the checkpoint of %d entries was changed: its row says another size or root than what was signed", c.Size)
	case s.Root != root:
		return wrong("history was rewritten: the first %d entries were signed with the root %s, and here they have %s", c.Size, s.Root, root)
	case !slices.ContainsFunc(s.Keys, func(k string) bool { return v.trusted[k] }):
		return wrong("the checkpoint of %d entries is signed by %v, and no key that is trusted here vouches for it", c.Size, s.Keys)
	case c.Bridge != (len(s.Keys) > 1):
		return wrong("the checkpoint of %d entries does not say rightly whether two keys signed it", c.Size)
	}
	if v.rotating == nil || v.rotating.seq > c.Size {
		return nil
	}
	next := ledger.KeyID(v.rotating.key)
	if v.rotating.lost {
		v.rotating = nil
		return nil
	}
	if !slices.Contains(s.Keys, next) {
		return wrong("entry %d of the log changes its key to %s, and the next checkpoint (%d entries) is not signed by it", v.rotating.seq, next, c.Size)
	}
	v.trusted[next] = true
	v.rotating = nil
	return nil
}

// end looks for what is there beyond the last entry: places, hashes and checkpoints of entries that are gone.
func (v *verifier) end() error {
	v.sum.Size, v.sum.Root = v.walk.Size, v.walk.Root()
	if err := v.walk.End(); err != nil {
		return err
	}
	places, err := v.tx.CountPlaces(v.ctx)
	if err != nil {
		return err
	}
	if places != v.walk.Size {
		return wrong("the log has %d places and %d entries that belong to them: entry %d is missing", places, v.walk.Size, v.walk.Size+1)
	}
	if len(v.checkpoints) > 0 {
		return wrong("the log was rolled back: a checkpoint of %d entries was signed, and here are %d", v.checkpoints[0].Size, v.walk.Size)
	}
	if len(v.nodes) == 0 {
		// Nothing may have been read ahead: what comes behind the last node of a tree of this size is to be nothing.
		if v.nodes, err = v.tx.StoredNodes(v.ctx, v.lastNode(), 1); err != nil {
			return err
		}
	}
	if len(v.nodes) > 0 {
		return wrong("the log was rolled back: the tree has hashes (level %d, number %d) of more than %d entries", v.nodes[0].Level, v.nodes[0].N, v.walk.Size)
	}
	return v.signed()
}

// signed looks whether somebody answers for the entries: without a signature, whoever can write to the database can make
// all of them up. Those of the last second may have none yet, which is not enough for a reader who trusts one key.
func (v *verifier) signed() error {
	switch {
	case v.walk.Size > 0 && v.sum.Signed == 0:
		return wrong("no checkpoint signs any of the %d entries of the log", v.walk.Size)
	case v.sum.Signed < v.walk.Size && len(v.evidence.Trusted) > 0:
		return wrong("the entries %d to %d of the log are signed by nobody, so that no key that you trust vouches for them; "+
			"where the program is running, try again in a second", v.sum.Signed+1, v.walk.Size)
	}
	return nil
}

// lastNode is the index of the newest hash that is kept, -1 where the log is too small for any.
func (v *verifier) lastNode() int64 {
	last := int64(-1)
	for level := ledger.TileHeight; v.walk.Size>>level > 0; level += ledger.TileHeight {
		last = max(last, ledger.Node{Level: level, N: v.walk.Size>>level - 1}.Index())
	}
	return last
}
