package notice

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"path"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"tocsin/internal/event"
	"tocsin/internal/fault"
	"tocsin/internal/ident"
)

// Unclassified is the class of what the library does not know; every library has it.
const Unclassified = "unclassified"

// Class explains one kind of problem to the people who must mend it, in two languages.
type Class struct {
	Class         string    `yaml:"class"` // slug
	Match         Match     `yaml:"match"`
	Severity      string    `yaml:"severity"` // event.Severity word
	Service       bool      `yaml:"service"`  // the problem sits at a port
	AbsenceCycles int       `yaml:"absence_cycles"`
	XARF          XARFType  `yaml:"xarf"`
	Title         Text      `yaml:"title"`
	What          Text      `yaml:"what"`
	Risk          Text      `yaml:"risk"`
	Fix           TextSteps `yaml:"fix"`
	Check         Text      `yaml:"check"`
	References    []string  `yaml:"references"`
}

// Match says which findings a class explains. An identifier is stronger than a report, a report than a type.
type Match struct {
	Identifier []string `yaml:"identifier"` // classification.identifier
	Report     []string `yaml:"report"`     // name of the stream: the report type of a feed
	Type       []string `yaml:"type"`       // RSIT type
}

// XARFType is a XARF v4 category with one of its types.
type XARFType struct {
	Category string `yaml:"category"`
	Type     string `yaml:"type"`
}

// Text is one text in both languages.
type Text struct {
	EN string `yaml:"en"`
	ZH string `yaml:"zh"`
}

// In returns the text in language.
func (t Text) In(language string) string {
	if language == "zh" {
		return t.ZH
	}
	return t.EN
}

// TextSteps is a list of steps in both languages.
type TextSteps struct {
	EN []string `yaml:"en"`
	ZH []string `yaml:"zh"`
}

// In returns the steps in language.
func (t TextSteps) In(language string) []string {
	if language == "zh" {
		return t.ZH
	}
	return t.EN
}

// Level returns the class's severity.
func (c *Class) Level() event.Severity {
	s, _ := event.ParseSeverity(c.Severity)
	return s
}

// Library is the set of classes. It is read-only after LoadLibrary and safe for many goroutines.
type Library struct {
	classes      []*Class
	byName       map[string]*Class
	byIdentifier map[string]*Class
	byReport     map[string]*Class
	byType       map[string]*Class
}

// Limits of one library file: more is a mistake, not a library.
const (
	maxClassFile = 4 << 20
	maxClasses   = 5000
)

// LoadLibrary reads every *.yaml file in the root folder of files. Unknown keys, missing texts, unknown words and two
// claims to one match are errors that name file and class. A library without the class "unclassified" gets a plain one.
func LoadLibrary(files fs.FS) (*Library, error) {
	l := &Library{
		byName: map[string]*Class{}, byIdentifier: map[string]*Class{},
		byReport: map[string]*Class{}, byType: map[string]*Class{},
	}
	names, err := fs.Glob(files, "*.yaml")
	if err != nil {
		return nil, fmt.Errorf("list class files: %w", err)
	}
	for _, name := range names {
		raw, err := fs.ReadFile(files, name)
		if err != nil {
			return nil, fmt.Errorf("read class file %s: %w", name, err)
		}
		classes, err := parseClasses(raw)
		if err != nil {
			return nil, fmt.Errorf("class file %s: %w", path.Base(name), err)
		}
		for i := range classes {
			if err := l.add(&classes[i]); err != nil {
				return nil, fmt.Errorf("class file %s: %w", path.Base(name), err)
			}
		}
	}
	if l.byName[Unclassified] == nil {
		if err := l.add(plainClass()); err != nil {
			return nil, err
		}
	}
	return l, nil
}

func parseClasses(raw []byte) ([]Class, error) {
	if len(raw) > maxClassFile {
		return nil, fault.New(fault.TooLarge, "a class file has at most %d bytes", maxClassFile)
	}
	var file struct {
		Version int     `yaml:"version"`
		Classes []Class `yaml:"classes"`
	}
	d := yaml.NewDecoder(bytes.NewReader(raw))
	d.KnownFields(true)
	if err := d.Decode(&file); err != nil {
		return nil, fault.New(fault.Invalid, "%v", err)
	}
	var more yaml.Node
	if err := d.Decode(&more); !errors.Is(err, io.EOF) {
		return nil, fault.New(fault.Invalid, "one YAML document was expected")
	}
	if file.Version != 1 {
		return nil, fault.New(fault.Invalid, "version is %d, 1 was expected", file.Version)
	}
	if len(file.Classes) > maxClasses {
		return nil, fault.New(fault.TooLarge, "at most %d classes were expected", maxClasses)
	}
	for i := range file.Classes {
		if err := file.Classes[i].check(); err != nil {
			return nil, err
		}
	}
	return file.Classes, nil
}

func (l *Library) add(c *Class) error {
	if l.byName[c.Class] != nil {
		return fault.New(fault.Invalid, "class %q is there twice", c.Class)
	}
	for _, m := range []struct {
		word  string
		index map[string]*Class
		keys  []string
	}{
		{"identifier", l.byIdentifier, c.Match.Identifier},
		{"report", l.byReport, c.Match.Report},
		{"type", l.byType, c.Match.Type},
	} {
		for _, k := range m.keys {
			k = strings.ToLower(k)
			if other := m.index[k]; other != nil {
				return fault.New(fault.Invalid, "classes %q and %q both match %s %q", other.Class, c.Class, m.word, k)
			}
			m.index[k] = c
		}
	}
	l.byName[c.Class] = c
	l.classes = append(l.classes, c)
	return nil
}

// check reports the first thing that is wrong with a class.
func (c *Class) check() error {
	wrong := func(format string, args ...any) error {
		return fault.New(fault.Invalid, "class %q: %s", c.Class, fmt.Sprintf(format, args...))
	}
	if !ident.Slug(c.Class) {
		return wrong("the name is not a slug")
	}
	if _, ok := event.ParseSeverity(c.Severity); !ok {
		return wrong("severity %q is not info, low, medium, high or critical", c.Severity)
	}
	if c.AbsenceCycles < 0 || c.AbsenceCycles > 100 {
		return wrong("absence_cycles must be 0 to 100")
	}
	if (c.XARF.Category != "" || c.XARF.Type != "") && !slices.Contains(xarfTypes[c.XARF.Category], c.XARF.Type) {
		return wrong("xarf %q/%q is not a category and type of XARF 4", c.XARF.Category, c.XARF.Type)
	}
	for _, t := range []struct {
		key  string
		text Text
	}{{"title", c.Title}, {"what", c.What}, {"risk", c.Risk}, {"check", c.Check}} {
		if strings.TrimSpace(t.text.EN) == "" || strings.TrimSpace(t.text.ZH) == "" {
			return wrong("%s must have en and zh", t.key)
		}
	}
	if strings.ContainsAny(c.Title.EN+c.Title.ZH, "\r\n") {
		return wrong("title must be one line")
	}
	if len(c.Fix.EN) == 0 || len(c.Fix.EN) != len(c.Fix.ZH) {
		return wrong("fix must have the same number of steps in en and zh, at least one")
	}
	for _, s := range slices.Concat(c.Fix.EN, c.Fix.ZH, c.Match.Identifier, c.Match.Report, c.Match.Type) {
		if strings.TrimSpace(s) == "" {
			return wrong("an entry of fix or match is empty")
		}
	}
	for _, r := range c.References {
		if u, err := url.Parse(r); err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" {
			return wrong("reference %q is not a web address", r)
		}
	}
	return nil
}

// Class returns the class that explains a finding: by identifier, else by report, else by type, else "unclassified".
// It is never nil.
func (l *Library) Class(identifier, report, typ string) *Class {
	for _, m := range []struct {
		index map[string]*Class
		key   string
	}{{l.byIdentifier, identifier}, {l.byReport, report}, {l.byType, typ}} {
		if m.key == "" {
			continue
		}
		if c := m.index[strings.ToLower(m.key)]; c != nil {
			return c
		}
	}
	return l.byName[Unclassified]
}

// Named returns the class called name, else "unclassified". It is never nil.
func (l *Library) Named(name string) *Class {
	if c := l.byName[name]; c != nil {
		return c
	}
	return l.byName[Unclassified]
}

// Has reports whether the library has a class called name.
func (l *Library) Has(name string) bool { return l.byName[name] != nil }

// Classes returns all classes in order of files and entries; the caller must not change them.
func (l *Library) Classes() []*Class { return l.classes }

// plainClass says what can be said about a problem of which only the technical name is known.
func plainClass() *Class {
	return &Class{
		Class: Unclassified, Severity: "medium",
		Title: Text{"Security problem reported", "收到的安全问题报告"},
		What: Text{
			"A source that watches the Internet reported a security problem at the systems listed. Its technical name is in the table.",
			"监测互联网的数据来源报告下列系统存在安全问题，其技术名称见表。",
		},
		Risk: Text{
			"Depending on the problem, others may misuse the system or reach data that is not meant for them.",
			"视问题而定，他人可能滥用该系统，或接触到不应向其开放的数据。",
		},
		Fix: TextSteps{
			[]string{
				"Find out which system uses the address and who runs it.",
				"Check what the report says against the system's configuration and logs.",
				"Mend the cause, or take the service off the Internet until that is done.",
			},
			[]string{
				"查明该地址由哪个系统使用、由谁负责运行。",
				"将报告内容与系统的配置和日志进行核对。",
				"消除原因；在完成之前，可先将该服务从互联网上撤下。",
			},
		},
		Check: Text{
			"The problem is gone when the same source no longer reports it.",
			"同一来源不再报告该问题，即表示问题已消除。",
		},
	}
}
