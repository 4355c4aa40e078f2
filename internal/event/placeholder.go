package event

// Placeholder reports whether a text says that there is no value: "-", "N/A", "none", "unknown", "null" in any case, or
// a pair of quotes. IntelMQ ignores the first two. Such a text counts as empty in every field of the harmonisation;
// under extra. it stays as it came. Of a class, "unknown" is IntelMQ's old name and is read as one.
func Placeholder[T ~string | ~[]byte](s T) bool {
	switch len(s) {
	case 1:
		return s[0] == '-'
	case 2:
		return s[0] == s[1] && (s[0] == '"' || s[0] == '\'')
	case 3:
		return s[1] == '/' && s[0]|0x20 == 'n' && s[2]|0x20 == 'a'
	case 4:
		return isWord(s, "none") || isWord(s, "null")
	case 7:
		return isWord(s, "unknown")
	}
	return false
}

// isWord compares s with a word in lower case of the same length, in any case.
func isWord[T ~string | ~[]byte](s T, word string) bool {
	for i := range len(word) {
		if s[i]|0x20 != word[i] {
			return false
		}
	}
	return true
}

// Empty reports whether a text gives a field of this kind no value: it is empty, or a placeholder.
func (f *Field) Empty(text string) bool {
	if f == &extraField || !Placeholder(text) {
		return text == ""
	}
	if f.Kind == ClassType {
		_, _, err := Class(text)
		return err != nil
	}
	return true
}
