package record

import (
	"encoding/json"
	"regexp"
	"strings"

	"tocsin/internal/ledger"
	"tocsin/internal/report"
)

// Paper is a kind of text that Judge can look at.
type Paper string

// Papers.
const (
	PaperCheckpoint  Paper = "checkpoint"  // a signed note (C2SP)
	PaperProof       Paper = "proof"       // a C2SP tlog-proof
	PaperProofJSON   Paper = "proof_json"  // the same as this program's JSON
	PaperConsistency Paper = "consistency" // two checkpoints and the hashes between
	PaperRecord      Paper = "record"      // one entry as the log keeps it
	PaperKeys        Paper = "keys"        // verifier keys, one a line
	PaperReceipt     Paper = "receipt"     // of a report, signed by the ledger's key
	PaperNone        Paper = "none"
)

// Papers lists them all.
var Papers = []Paper{PaperCheckpoint, PaperProof, PaperProofJSON, PaperConsistency, PaperRecord, PaperKeys, PaperReceipt, PaperNone}

// MaxPaper bounds the bytes of what Judge looks at.
const MaxPaper = 64 << 10

// Tidy undoes what copying does to a text: the line ends of forms and of other systems, a byte order mark, blank lines
// and blanks around it, and the last line's missing end. Signatures cover the text itself, byte for byte.
func Tidy(text string) string {
	text = strings.TrimPrefix(text, "\ufeff")
	text = strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(text)
	text = strings.Trim(text, " \t\n")
	if text == "" {
		return ""
	}
	return text + "\n"
}

// signatures is what stands below the text of every signed note; keyLine is a verifier key.
var (
	signatures = regexp.MustCompile(`\n\n(?:— [^\s]+ [A-Za-z0-9+/]+={0,2}\n)+$`)
	keyLine    = regexp.MustCompile(`^[^+\s]+\+[0-9a-f]{8}\+[A-Za-z0-9+/]+={0,2}$`)
	decimal    = regexp.MustCompile(`^[0-9]{1,19}$`)
)

// Recognise tells by its form what a tidy text claims to be. It verifies nothing.
func Recognise(text string) Paper {
	lines := strings.SplitN(text, "\n", 4)
	switch {
	case text == "":
		return PaperNone
	case lines[0] == "c2sp.org/tlog-proof@v1":
		return PaperProof
	case strings.HasSuffix(lines[0], report.Title):
		return PaperReceipt
	case strings.HasPrefix(text, "{"):
		return recogniseJSON(text)
	case len(lines) == 4 && decimal.MatchString(lines[1]) && signatures.MatchString(text):
		return PaperCheckpoint
	}
	for line := range strings.Lines(text) {
		if !keyLine.MatchString(strings.TrimSuffix(line, "\n")) {
			return PaperNone
		}
	}
	return PaperKeys
}

func recogniseJSON(text string) Paper {
	var has struct {
		Old, New   *string
		Hashes     *[]ledger.Hash
		Record     *[]byte
		Checkpoint *string
		Seq        *int64
		Prev, Salt *string
	}
	switch err := json.Unmarshal([]byte(text), &has); {
	case err != nil:
		return PaperNone
	case has.Old != nil && has.New != nil:
		return PaperConsistency
	case has.Record != nil && has.Checkpoint != nil:
		return PaperProofJSON
	case has.Seq != nil && has.Prev != nil && has.Salt != nil:
		return PaperRecord
	}
	return PaperNone
}
