package simulate

import (
	"fmt"
	"strings"
	"time"

	"tocsin/internal/report"
)

// Told is what somebody in the province tells the authority, and what becomes of it.
type Told struct {
	Ago     time.Duration // before now when it comes
	Form    report.Form
	Taken   bool
	Outcome report.Outcome // empty: it is not closed
}

// Told returns what people tell the authority in the last weeks, the oldest first.
func (p *Province) Told() []Told {
	day := 24 * time.Hour
	list := []Told{
		{34 * day, told(report.Phishing, "en", "A mail says that my tax refund of 240 is ready and wants my bank card number. The page looks like the tax office's.",
			"http://tax-refund.aurelia-gov.example/claim", ""), true, report.PassedOn},
		{27 * day, told(report.Question, "zh", "我们学校收到通知，说服务器开放了远程桌面。应该先做什么？", "", "it@school-12.aurelia.example"), true, report.Answered},
		{21 * day, told(report.ScamSite, "en", "A shop sells power tools at a tenth of their price. I paid, nothing came, the telephone is dead.",
			"https://tools-outlet.example", ""), true, report.Handled},
		{16 * day, told(report.Complaint, "en", "Three weeks ago I reported an open camera at the market and it still answers.", "198.18.7.40", ""), true, report.Known},
		{12 * day, told(report.Question, "en", "My neighbour writes bad things about our mayor on the internet. Please stop it.", "", ""), true, report.NotOurs},
		{9 * day, told(report.DataExposed, "en", "A folder with scanned patient letters of a practice opens without a password. I closed it again and kept nothing.",
			"http://files.praxis-mill.aurelia.example/scans/", "finder@mail.example"), true, report.Handled},
		{6 * day, told(report.Malware, "zh", "同事打开了一个“发票”附件，之后共享文件夹里的文件都打不开，后缀变成 .locked。电脑已断网。", "invoice_1121.zip", ""), true, report.PassedOn},
		{4 * day, told(report.Vulnerability, "en", "The booking page of the ferry shows other people's bookings when the number in the address is changed.",
			"https://booking.aurelia-ferries.example/b/10023", "researcher@mail.example"), true, ""},
		{26 * time.Hour, told(report.Incident, "en", "Since this morning our water meters send nothing and the gateway asks for a password that nobody set.",
			"gateway 198.18.12.9", "operator@water-north.aurelia.example"), true, ""},
		{9 * time.Hour, told(report.Phishing, "zh", "短信说快递地址有误，要点链接付 2 元。链接打开后要银行卡号和验证码。", "http://post-redelivery.example/cn", ""), false, ""},
		{5 * time.Hour, told(report.ScamSite, "en", "Somebody rents out flats with photographs of our house. The page wants a deposit.", "https://aurelia-flats.example/offer/77", "owner@mail.example"), false, ""},
		{2 * time.Hour, told(report.Question, "en", "Is it safe to open the link in the letter about the smart meters?", "", ""), false, ""},
	}
	for i := range list {
		list[i].Form.Key = fmt.Sprintf("%032s", strings.Repeat("0", 30)+fmt.Sprintf("%02d", i)) // the same at every start
	}
	return list
}

func told(kind report.Kind, language, what, where, contact string) report.Form {
	return report.Form{Kind: kind, Language: language, What: what, Where: where, Contact: contact}
}
