package notice

import "fmt"

// phrase is a sentence of the mail in both languages, with fmt verbs in the same order.
type phrase struct{ en, zh string }

var phrases = map[string]phrase{
	"subject.urgent":     {"%s: %s at %s", "%s：%[3]s，%[2]s"},
	"subject.digest":     {"Daily digest: %[2]s at %[3]s", "每日通报：%[3]s，%[2]s"},
	"subject.reminder":   {"Reminder: %s, %s at %s", "提醒：%s，%[3]s，%[2]s"},
	"subject.escalation": {"No answer yet: %s, %s at %s", "尚未答复：%s，%[3]s，%[2]s"},
	"subject.sealed":     {"Security notice %s", "安全通报 %s"},
	"several":            {"%d kinds of problem", "%d 类问题"},
	"one finding":        {"1 finding", "1 项发现"},
	"findings":           {"%d findings", "%d 项发现"},

	"greeting":       {"To the contact for network security at %s", "致%s网络安全联系人："},
	"greeting.for":   {"To the contact for %s at %s", "致%[2]s（负责 %[1]s）的联系人："},
	"greeting.named": {"To %s, contact for network security at %s", "致%[2]s网络安全联系人%[1]s："},
	"intro.first": {
		"We have been told of security problems at systems that, by our register, your organisation answers for: %s. We ask you to look into them and to tell us what you do about them.",
		"我们收到有关贵单位系统安全问题的报告，按我们的登记，这些系统由贵单位负责：共%s。请予核查，并告知处理情况。",
	},
	"intro.reminder": {
		"On %[2]s we wrote to you about security problems at systems of your organisation. For %[1]s we have no answer yet, and nothing shows that they are mended. Please look at them now; a first answer takes a minute.",
		"我们曾于%[2]s就贵单位系统的安全问题去信。其中%[1]s至今未获答复，也没有迹象表明已经修复。请尽快查看；首次答复只需一分钟。",
	},
	"intro.escalation": {
		"Since %[2]s we have written to your organisation about security problems at its systems and reminded it, without an answer. You are named as the backup contact, so we turn to you. Still open: %[1]s. Please see that somebody takes this up.",
		"自%[2]s起，我们已就贵单位系统的安全问题去信并多次提醒，均未获答复。您是登记的备用联系人，故此联系您：仍有%[1]s未处理。请安排人员跟进。",
	},
	"answer": {
		"To see the findings and answer, open this page. It needs no account; whoever has the link can answer for your organisation, so pass it on only to colleagues who should. It works until %s.",
		"请打开以下页面查看并答复，无需账号。持有该链接者即可代表贵单位答复，请仅转给相关同事。链接有效期至%s。",
	},
	"button":             {"See the findings and answer", "查看并答复"},
	"severity":           {"severity %s", "严重程度：%s"},
	"heading":            {"%s (%s; %s)", "%s（%s；%s）"},
	"what":               {"What we saw", "我们看到了什么"},
	"risk":               {"Why it matters", "为什么重要"},
	"fix":                {"What to do", "怎么办"},
	"check":              {"How to check that it is gone", "如何确认已经消除"},
	"where":              {"Where and since when", "位置与时间"},
	"references":         {"Read more", "参考资料"},
	"row":                {"%s, last seen %s, first %s, %d times", "%s，最近一次 %s，首次 %s，共 %d 次"},
	"more":               {"and %d more; the attached table has all of them", "另有 %d 项，完整列表见附件"},
	"head.asset":         {"Where", "位置"},
	"head.name":          {"Name", "名称"},
	"head.last":          {"Last seen", "最近一次"},
	"head.first":         {"First seen", "首次"},
	"head.count":         {"Times", "次数"},
	"port":               {"port", "端口"},
	"how":                {"How to answer", "如何答复"},
	"how.1":              {"Say that you have received this, or that work has begun.", "告知已收到，或已开始处理。"},
	"how.2":              {"Say that it is fixed. We then watch whether it is seen again.", "告知已修复。我们随后观察是否再次出现。"},
	"how.3":              {"Say that it is not yours (and whose, if you know), or that the report is wrong. A person here looks at that.", "说明不属于贵单位（如知情请注明归属），或报告有误。我们将由专人核查。"},
	"how.4":              {"Accept the risk until a date that you name, with your reasons.", "说明理由，并在指定日期之前接受该风险。"},
	"next":               {"What happens next", "接下来"},
	"next.close":         {"A finding is closed when the evidence shows that the problem is gone, not on anybody's word. You need not write again after \"fixed\".", "只有证据表明问题已经消除，发现才会关闭，不凭任何一方的说法。告知“已修复”之后无需再次来信。"},
	"next.remind":        {"Without an answer we remind you after %s, at most %d times. Then we write to your backup contact, and then somebody here takes it up with you.", "如未答复，我们将在%s后提醒，最多 %d 次；之后联系贵单位的备用联系人，再由我们的工作人员直接联系。"},
	"next.last":          {"Without an answer somebody here takes it up with your organisation.", "如仍无答复，我们的工作人员将直接联系贵单位。"},
	"one day":            {"1 day", "1 天"},
	"days":               {"%d days", "%d 天"},
	"attached.sightings": {"%s has every sighting with its time, ports and destination, for finding a host behind a shared address.", "%s 列出每次观测的时间、端口和目的地址，便于在共享地址后查找具体主机。"},
	"sightings.more":     {"%d older sightings are not in the attachments; the page behind the link counts them.", "另有 %d 次较早的观测未列入附件，链接页面上有总数。"},
	"sightings.lost":     {"The details of %d sightings could not be read any more; ask us for them.", "有 %d 次观测的详细信息已无法读取，请向我们索取。"},
	"attached":           {"Attached: %s (a table), %s (IntelMQ events), %s (XARF 4 reports). Times in the attachments are UTC.", "附件：%s（表格）、%s（IntelMQ 事件）、%s（XARF 4 报告）。附件中的时间为 UTC。"},
	"reach":              {"How to reach us", "如何联系我们"},
	"quote":              {"Please quote the number of this notice: %s", "来信请注明通报编号：%s"},
	"footer":             {"This mail was written by a program of %s. Answers to it are read by people.", "本邮件由%s的系统自动发出。回信由工作人员阅读。"},
	"sealed": {
		"There is a security notice for your organisation. The key that we have for you cannot be used (%s), so this mail says nothing more. Please open the page below, and send us a new key.",
		"贵单位有一份安全通报。我们持有的贵方密钥无法使用（%s），因此本邮件不含具体内容。请打开以下页面查看，并向我们提供新的密钥。",
	},
	"closed": {
		"There is a security notice for your organisation. It is marked %s, which does not travel by this mail, so the mail says nothing more. Please open the page below.",
		"贵单位有一份安全通报，其标记为 %s，不得通过本邮件传送，因此本邮件不含具体内容。请打开以下页面查看。",
	},
	"TLP:CLEAR":         {"TLP:CLEAR (may be shared with everybody)", "TLP:CLEAR（可公开）"},
	"TLP:GREEN":         {"TLP:GREEN (may be shared within your community, not in public)", "TLP:GREEN（可在本行业或社区内共享，不得公开）"},
	"TLP:AMBER":         {"TLP:AMBER (for your organisation and its clients only, who need to know)", "TLP:AMBER（仅限贵单位及其客户中需要知悉者）"},
	"TLP:AMBER+STRICT":  {"TLP:AMBER+STRICT (for your organisation only, who need to know)", "TLP:AMBER+STRICT（仅限贵单位内部需要知悉者）"},
	"TLP:RED":           {"TLP:RED (for the persons named only)", "TLP:RED（仅限指名的人员）"},
	"key.broken":        {"it cannot be read", "无法读取"},
	"key.expired":       {"it has expired or was withdrawn", "已过期或已撤销"},
	"severity.info":     {"info", "提示"},
	"severity.low":      {"low", "低"},
	"severity.medium":   {"medium", "中"},
	"severity.high":     {"high", "高"},
	"severity.critical": {"critical", "严重"},
	"severity.":         {"not rated", "未评级"},
	"comma":             {"%s,", "%s"},

	"contact.prove.subject": {"Please confirm this address for security notices of %s", "请确认用于接收%s安全通报的邮箱"},
	"contact.test.subject":  {"Test mail of %s", "%s的测试邮件"},
	"contact.prove": {
		"Somebody at your organisation entered this address with %[1]s as a contact for network security at %[2]s. If that is right, please open this page and confirm it. Notices come here only after that.",
		"贵单位人员在%[1]s将此邮箱登记为%[2]s的网络安全联系方式。如属实，请打开以下页面确认；确认后才会向此邮箱发送通报。",
	},
	"contact.prove.until": {
		"The link works until %s. If you know nothing of this, do nothing: no notices will come here.",
		"链接有效期至%s。如您对此并不知情，请勿操作，我们不会向此邮箱发送通报。",
	},
	"contact.test": {
		"This is a test that a colleague of yours asked for. Notices of %s about security problems will reach you the same way. You need not do anything.",
		"这是应贵单位同事要求发送的测试邮件。%s的安全通报将以同样方式送达。您无需进行任何操作。",
	},
	"contact.key": {
		"The PGP key that we have for this address cannot be used (%s). Notices to it would have a link only. Please enter a new key.",
		"我们登记的该邮箱 PGP 密钥无法使用（%s）。发往此处的通报将只含链接。请登记新的密钥。",
	},
}

// say returns the phrase called key in language, filled with args.
func say(language, key string, args ...any) string {
	p, ok := phrases[key]
	if !ok {
		panic("no phrase " + key) // a test calls every phrase of the templates
	}
	text := p.en
	if language == "zh" {
		text = p.zh
	}
	if len(args) == 0 {
		return text
	}
	return fmt.Sprintf(text, args...)
}

// tally returns "1 finding" or "n findings".
func tally(language string, n int) string {
	if n == 1 {
		return say(language, "one finding")
	}
	return say(language, "findings", n)
}

func dayCount(language string, n int) string {
	if n == 1 {
		return say(language, "one day")
	}
	return say(language, "days", n)
}
