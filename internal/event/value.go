package event

import (
	"encoding/base64"
	"encoding/json"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"

	"tocsin/internal/asset"
	"tocsin/internal/fault"
	"tocsin/internal/marking"
)

// Set gives the field name the value in canonical form. Text is read by the field's rule; numbers and truth values
// must fit it. An empty text removes the field. classification.type takes any name that Class knows, sets
// classification.taxonomy with it and keeps another spelling under extra.classification_source.
// The error is fault.Invalid, or *OutOfRemit.
func (e *Event) Set(name string, value any) error {
	f, err := FieldOf(name)
	if err != nil {
		return err
	}
	if s, ok := value.(string); ok && f != &extraField {
		return e.put(f, s)
	} else if ok && s == "" {
		delete(e.Fields, name)
		return nil
	}
	v, err := f.Fit(value)
	if err != nil {
		return fault.New(fault.Invalid, "%s: %v", name, err)
	}
	e.store(name, v)
	return nil
}

// Put gives the field name the value of a text, as Set. Under extra. it stays text.
func (e *Event) Put(name, text string) error {
	if strings.HasPrefix(name, "extra.") {
		return e.Set(name, text)
	}
	f, err := FieldOf(name)
	if err != nil {
		return err
	}
	return e.put(f, text)
}

func (e *Event) put(f *Field, text string) error {
	if text = strings.TrimSpace(text); f.Empty(text) {
		delete(e.Fields, f.Name)
		return nil
	}
	switch f.Kind { //nolint:exhaustive // the other kinds are dealt with behind it
	case ClassType:
		return e.classify(text)
	case ClassTaxonomy:
		return e.taxonomise(text)
	}
	v, err := f.Parse(text)
	if err != nil {
		return fault.New(fault.Invalid, "%s: %v", f.Name, err)
	}
	e.store(f.Name, v)
	return nil
}

func (e *Event) store(name string, v any) {
	if e.Fields == nil {
		e.Fields = make(map[string]any, 24)
	}
	e.Fields[name] = v
}

func (e *Event) classify(name string) error {
	taxonomy, typ, err := Class(name)
	if err != nil {
		return err
	}
	if typ != name {
		e.store("extra.classification_source", strings.ToValidUTF8(name, "\uFFFD"))
	}
	e.store("classification.type", typ)
	e.store("classification.taxonomy", taxonomy)
	return nil
}

// taxonomise checks a class's name. The type decides the class where there is one.
func (e *Event) taxonomise(name string) error {
	t, err := taxonomyName(name)
	if err != nil {
		return fault.New(fault.Invalid, "classification.taxonomy: %v", err)
	}
	if e.Text("classification.type") == "" {
		e.store("classification.taxonomy", t)
	}
	return nil
}

// Parse reads a text by the field's rule and returns the canonical value: string, int64, float64, bool, or any JSON
// value for kind JSON. The class fields are read by Class alone. The error is fault.Invalid.
func (f *Field) Parse(s string) (any, error) {
	switch f.Kind { //nolint:exhaustive // the other kinds are dealt with behind it
	case ASN:
		n, err := asset.ParseASN(s)
		return int64(n), err
	case Port:
		return integer(s, 0, 65535)
	case Integer:
		return integer(s, math.MinInt64, math.MaxInt64)
	case Float:
		return float(s, -math.MaxFloat64, math.MaxFloat64)
	case Accuracy:
		return float(s, 0, 100)
	case Boolean:
		return boolean(s)
	case JSON:
		return jsonValue(s)
	}
	return f.text(s)
}

// text reads the kinds whose values are text.
func (f *Field) text(s string) (string, error) {
	if !textOK(s) {
		return "", fault.New(fault.Invalid, "%q holds a zero byte or is not UTF-8", clip(s))
	}
	switch f.Kind { //nolint:exhaustive // the other kinds are dealt with behind it
	case IP:
		return address(s)
	case Network:
		p, err := asset.ParsePrefix(s)
		return p.String(), err
	case FQDN:
		return asset.ParseDomain(strings.TrimRight(s, "."))
	case URL:
		return asset.ParseURL(refang(s))
	case DateTime:
		m, ok := ParseMoment(s)
		if !ok {
			return "", fault.New(fault.Invalid, "%q is no date and time as 2026-11-20T05:12:33+00:00", clip(s))
		}
		return m.String(), nil
	case Base64:
		if _, err := base64.StdEncoding.DecodeString(s); err != nil {
			return "", fault.New(fault.Invalid, "%q is not base64", clip(s))
		}
		return s, nil
	case TLP:
		m, err := marking.Source(s, "")
		return m.TLP.Name(), err
	case PAP:
		m, err := marking.Source("", s)
		return m.PAP.Name(), err
	case Registry:
		return registry(s)
	case SeverityName:
		v, ok := ParseSeverity(s)
		if !ok {
			return "", fault.New(fault.Invalid, "%q is none of info, low, medium, high, critical", clip(s))
		}
		return v.String(), nil
	case Transport:
		return TransportName(s)
	case Lower:
		s = strings.ToLower(s)
	case Upper:
		s = strings.ToUpper(s)
	}
	limit := f.Max
	if limit == 0 {
		limit = maxText
	}
	if utf8.RuneCountInString(s) > limit || f.Valid != nil && !f.Valid(s) {
		return "", fault.New(fault.Invalid, "%q does not have the form of the field, or more than %d characters", clip(s), limit)
	}
	return s, nil
}

// Fit checks a value that is not text against the field's kind and returns it in canonical form. The error is
// fault.Invalid.
func (f *Field) Fit(value any) (any, error) {
	if f.Kind == JSON && f != &extraField {
		switch value.(type) {
		case map[string]any, []any:
			return jsonFit(value, 1)
		}
		return nil, fault.New(fault.Invalid, "%v is neither an object nor an array", value)
	}
	switch v := value.(type) {
	case nil:
		return nil, fault.New(fault.Invalid, "a null is no value")
	case bool:
		if f.Kind == Boolean || f.Kind == JSON {
			return v, nil
		}
	case int:
		return f.Fit(int64(v))
	case int64:
		switch f.Kind { //nolint:exhaustive // the other kinds are dealt with behind it
		case ASN, Port, Integer:
			return f.Parse(strconv.FormatInt(v, 10))
		case Float, Accuracy:
			return f.Fit(float64(v))
		case JSON:
			return v, nil
		case Boolean:
			return boolean(strconv.FormatInt(v, 10))
		}
	case float64:
		switch {
		case f.Kind == Float || f.Kind == Accuracy:
			return f.Parse(strconv.FormatFloat(v, 'g', -1, 64))
		case math.IsNaN(v) || math.IsInf(v, 0):
		case f.Kind == JSON:
			return v, nil
		case v == math.Trunc(v) && math.Abs(v) < 1<<53:
			return f.Fit(int64(v))
		}
	default:
		if f.Kind == JSON {
			return jsonFit(value, 1)
		}
	}
	return nil, fault.New(fault.Invalid, "%v does not fit a field of kind %s", value, f.Kind)
}

func address(s string) (string, error) {
	if at := strings.IndexByte(s, '/'); at >= 0 && (s[at:] == "/32" && !strings.Contains(s, ":") || s[at:] == "/128") {
		s = s[:at]
	}
	ip, err := asset.ParseIP(s)
	if err != nil {
		return "", err
	}
	if ip.IsUnspecified() {
		return "", fault.New(fault.Invalid, "%q is the unspecified address", s)
	}
	return ip.String(), nil
}

// refang turns the usual defanged schemes back.
func refang(s string) string {
	if len(s) > 4 && (s[0] == 'h' || s[0] == 'H') && strings.EqualFold(s[:4], "hxxp") {
		return "http" + s[4:]
	}
	return s
}

func integer(s string, low, high int64) (int64, error) {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n < low || n > high {
		return 0, fault.New(fault.Invalid, "%q is not a whole number from %d to %d", clip(s), low, high)
	}
	return n, nil
}

func float(s string, low, high float64) (float64, error) {
	x, err := strconv.ParseFloat(s, 64)
	if err != nil || math.IsNaN(x) || x < low || x > high {
		return 0, fault.New(fault.Invalid, "%q is not a number from %g to %g", clip(s), low, high)
	}
	return x, nil
}

func boolean(s string) (bool, error) {
	switch strings.ToLower(s) {
	case "true", "1":
		return true, nil
	case "false", "0":
		return false, nil
	}
	return false, fault.New(fault.Invalid, "%q is neither true nor false", clip(s))
}

func registry(s string) (string, error) {
	switch r := strings.ToUpper(s); r {
	case "AFRINIC", "APNIC", "ARIN", "LACNIC", "RIPE":
		return r, nil
	case "RIPENCC", "RIPE-NCC":
		return "RIPE", nil
	}
	return "", fault.New(fault.Invalid, "%q is none of AFRINIC, APNIC, ARIN, LACNIC, RIPE", clip(s))
}

// transports are the names of IP protocols that IntelMQ accepts.
var transports = func() map[string]string {
	m := map[string]string{}
	for n := range strings.FieldsSeq(`ip icmp igmp ggp ipencap st2 tcp cbt egp igp bbn-rcc nvp pup argus emcon xnet chaos udp
		mux dcn hmp prm xns-idp trunk-1 trunk-2 leaf-1 leaf-2 rdp irtp iso-tp4 netblt mfe-nsp merit-inp sep 3pc idpr xtp ddp
		idpr-cmtp tp++ il ipv6 sdrp ipv6-route ipv6-frag idrp rsvp gre mhrp bna esp ah i-nlsp swipe narp mobile tlsp skip
		ipv6-icmp ipv6-nonxt ipv6-opts cftp sat-expak kryptolan rvd ippc sat-mon visa ipcv cpnx cphb wsn pvp br-sat-mon
		sun-nd wb-mon wb-expak iso-ip vmtp secure-vmtp vines ttp nsfnet-igp dgp tcf eigrp ospf sprite-rpc larp mtp ax.25
		ipip micp scc-sp etherip encap gmtp ifmp pnni pim aris scps qnx a/n ipcomp snp compaq-peer ipx-in-ip vrrp pgm l2tp
		ddx iatp st srp uti smp sm ptp isis fire crtp crdup sscopmce iplt sps pipe sctp fc divert`) {
		m[n] = n
	}
	return m
}()

// TransportName returns the name of an IP protocol in lower case. It allocates nothing for names in lower case.
func TransportName[T ~string | ~[]byte](s T) (string, error) {
	if n, ok := transports[string(s)]; ok {
		return n, nil
	}
	if n, ok := transports[strings.ToLower(strings.TrimSpace(string(s)))]; ok {
		return n, nil
	}
	return "", fault.New(fault.Invalid, "%q is no IP protocol", clip(string(s)))
}

func textOK(s string) bool { return utf8.ValidString(s) && strings.IndexByte(s, 0) < 0 }

func printable(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return s != ""
}

func twoLetters(s string) bool {
	return len(s) == 2 && strings.Trim(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789") == ""
}

func hashChars(s string) bool { return strings.Trim(s, "ABCDEF0123456789./") == "" }

func uuid(s string) bool {
	if len(s) != 36 {
		return false
	}
	for i := range len(s) {
		c := s[i]
		dash := i == 8 || i == 13 || i == 18 || i == 23
		if dash != (c == '-') || !dash && (c < '0' || c > '9') && (c < 'a' || c > 'z') {
			return false
		}
	}
	return true
}

// jsonValue reads an object or array from JSON text; numbers become int64 or float64 where they fit.
func jsonValue(s string) (any, error) {
	var v any
	d := json.NewDecoder(strings.NewReader(s))
	d.UseNumber()
	if err := d.Decode(&v); err != nil {
		return nil, fault.New(fault.Invalid, "%q is not JSON", clip(s))
	}
	switch v.(type) {
	case map[string]any, []any:
		return jsonFit(v, 1)
	}
	return nil, fault.New(fault.Invalid, "%q is neither an object nor an array", clip(s))
}
