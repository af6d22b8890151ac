package arbitrary

import (
	"encoding/json"
	"time"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ir"
	"github.com/optup/optup/internal/policy"
)

var (
	namespaces = []string{"n0", "n1"}
	labels     = []map[string]string{nil, {"team": "a"}, {"team": "b"}}
	ids        = []consent.PurposeID{"p0", "p1", "p2", "p3", "p4", "p5"}
	wordings   = []consent.NoticeID{"w0", "w1", "w2", "w3", "w4", "w5"}
	services   = []string{"s0", "s1", "s2"}
	endpoints  = []string{"e0", "e1", "e2", "e3"}
	categories = []string{"pd:EmailAddress", "pd:Name", "pd:Purchase", "pd:MedicalHealth"}
	channels   = []consent.Channel{consent.ChannelEmail, consent.ChannelPhone, consent.ChannelPost}
	processing = []ir.Processing{ir.ProcessingSend, ir.ProcessingShow, ir.ProcessingTrack, ir.ProcessingDisclose}
	kinds      = []consent.IdentifierType{consent.IdentifierEmail, consent.IdentifierPhone, consent.IdentifierDevice, consent.IdentifierCustomer}
	values     = []string{"a", "b", "c"}
	templates  = []string{"a", "b"}
	proofs     = []consent.Proof{consent.ProofMailboxConfirmed, consent.ProofSigned}
)

// Snapshot makes a snapshot in which much refers to each other and little is sound.
func (s *Source) Snapshot() policy.Snapshot {
	out := policy.Snapshot{}
	for _, n := range namespaces {
		out.Namespaces = append(out.Namespaces, policy.Namespace{Name: n, Mode: word(s, ir.ModeEnforce, ir.ModeEnforce, ir.ModeObserve), Labels: Pick(s, labels...)})
	}
	out.Ledgers = most(s, 2, func(i int) policy.Ledger {
		return policy.Ledger{Namespace: "n0", Name: name[string]("l", i), Controller: word(s, []string{"A", "B"}[i%2], "A"), URL: "https://l"}
	})
	out.Purposes = most(s, len(ids), s.purpose)
	out.Notices = most(s, len(wordings), s.notice)
	out.Touchpoints = several(s, 2, s.touchpoint)
	out.Services = most(s, len(services), s.service)
	out.Policies = several(s, 5, s.Policy)
	for _, n := range namespaces {
		out.Workloads = append(out.Workloads, several(s, 3, func(i int) policy.Workload {
			return policy.Workload{Namespace: n, Kind: "Deployment", Name: name[string]("d", i), Labels: Pick(s, labels...)}
		})...)
	}
	if s.Seldom() {
		out.On = time.Date(2009+s.Number(20), time.Month(1+s.Number(12)), 1, 0, 0, 0, 0, time.UTC)
	}
	return out
}

func (s *Source) selector() policy.NamespaceSelector {
	if s.Often() {
		return policy.NamespaceSelector{Names: namespaces}
	}
	return policy.NamespaceSelector{Names: some(s, namespaces...), MatchLabels: Pick(s, labels...)}
}

// id numbers an object, or, with a wild source, gives it the name of another one.
func (s *Source) id(i int) int {
	if s.Wild && s.Seldom() {
		return 0
	}
	return i
}

func (s *Source) controller() string {
	if s.Seldom() {
		return word(s, "A", "B")
	}
	return "A"
}

func (s *Source) purpose(i int) policy.Purpose {
	p := policy.Purpose{Allowed: s.selector(), Purpose: ir.Purpose{
		Name: name[consent.PurposeID]("p", s.id(i)), Controller: s.controller(),
		Grounds:    []ir.Ground{word(s, ir.GroundConsent, ir.GroundConsent, ir.GroundContract, ir.GroundContract, ir.GroundLegalObligation, ir.GroundExistingCustomer, ir.GroundLegitimateInterest, ir.GroundSpecialCategoryConsent, ir.GroundPresumedConsent)},
		Processing: append(mostly(s, processing...), word(s, processing...)), Categories: mostly(s, categories[:3]...),
		Channels: append(mostly(s, channels...), word(s, channels...)), Objection: word(s, ir.ObjectionDirectMarketing, ir.ObjectionOwnSituation, ir.ObjectionNone, ir.ObjectionNone),
		Goods: some(s, "garden", "wine"),
	}}
	if s.Seldom() {
		p.Grounds = append(p.Grounds, word(s, ir.GroundContract, ir.GroundConsent))
	}
	if s.Seldom() {
		p.Categories = append(p.Categories, "pd:MedicalHealth")
	}
	if s.Seldom() {
		p.Parent = string(word(s, ids...))
	}
	if s.Seldom() {
		p.DeviceAccess = word(s, ids...)
	}
	if s.Seldom() {
		p.Proofs, p.MinimumAge, p.ValidForDays, p.UnusedForDays, p.EvidenceRetentionDays = some(s, proofs...), s.Number(20), s.Number(200), s.Number(200), s.Number(200)
	}
	if s.Seldom() {
		p.MinimumNotices = []ir.NoticeMinimum{{Series: word(s, "r0", "r1"), Version: s.Number(3)}}
	}
	if s.Seldom() {
		p.BusinessOnly, p.ThirdPartyData, p.Anonymous, p.Advertisers = s.Often(), s.Seldom(), s.Seldom(), some(s, "X")
	}
	if s.Wild && s.Seldom() {
		p.ValidForDays = -1
	}
	return p
}

func (s *Source) notice(i int) ir.Notice {
	return ir.Notice{
		Name: name[consent.NoticeID]("w", s.id(i)), Series: word(s, "r0", "r1"), Version: 1 + s.Number(3), Controller: s.controller(),
		Purposes: append(some(s, ids...), name[consent.PurposeID]("p", i)), Processing: append(mostly(s, processing...), processing[0]),
		Channels: append(mostly(s, channels...), channels[0]), Recipients: mostly(s, "X", "Y"), Goods: some(s, "garden"), Special: some(s, "pd:MedicalHealth"),
		Transfers: some(s, "US"), Advertisers: some(s, "X"), EarlierData: s.Often(),
	}
}

func (s *Source) touchpoint(i int) policy.Touchpoint {
	out := policy.Touchpoint{
		Namespace: "n0", Name: name[string]("t", s.id(i)), Controller: word(s, "A", "B"), Place: ir.Places[i%len(ir.Places)], OptIn: some(s, wordings...),
		CoolDownDays: i, Writers: []string{"till", "form"}[:i%3],
	}
	if proof := word(s, "", proofs[0], proofs[1]); proof != "" {
		out.Confirmation = &ir.Confirmation{Proof: proof, ValidForHours: i}
	}
	out.Ladder = several(s, 3, func(int) ir.LadderStep {
		return ir.LadderStep{Notice: word(s, wordings...), After: some(s, wordings...)}
	})
	return out
}

func (s *Source) service(i int) policy.Service {
	out := policy.Service{Namespace: Pick(s, namespaces...), Allowed: s.selector()}
	out.Name = out.Namespace + "/" + name[string]("s", s.id(i))
	out.Hosts = append(several(s, 1, func(int) string { return word(s, "a.example", "b.example") }), name[string]("h", i)+"."+out.Namespace)
	out.Ports = []ir.Port{{Port: 80, Protocol: "HTTP"}}
	if s.Seldom() {
		out.Ports = append(out.Ports, ir.Port{Port: 443, Protocol: "HTTPS"})
	}
	out.Party = ir.Party{Role: word(s, ir.RoleProcessor, ir.RoleProcessor, ir.RoleProcessor, ir.RoleController, ir.RoleJointController), Name: word(s, "X", "Y")}
	if s.Seldom() {
		out.Party.Transfer = &ir.Transfer{Country: "US", Basis: word(s, ir.TransferAdequacy, ir.TransferExplicitConsent, "")}
	}
	out.Endpoints = most(s, len(endpoints), s.endpoint)
	if s.Wild && s.Seldom() {
		out.Hosts, out.Ports = nil, nil
	}
	return out
}

func (s *Source) endpoint(i int) ir.Endpoint {
	e := ir.Endpoint{
		Name: name[string]("e", s.id(i)), Methods: []string{Pick(s, "GET", "POST")},
		Path: word(s, "/"+name[string]("v", i)+"/a/b", "/v/"+Pick(s, templates...)+"/{x}", "/v/{x}/"+Pick(s, templates...), "/v/{x}/{y}"),
	}
	if s.Seldom() {
		e.NoPersonalData = true
		return e
	}
	e.Processing = append(some(s, processing[:2]...), word(s, processing...))
	if s.Often() {
		e.Channel = word(s, channels...)
	}
	if s.Often() {
		e.Request = s.request()
	}
	if s.Often() {
		e.Response = s.response()
	}
	if s.Seldom() {
		e.Replaces = word(s, endpoints...)
	}
	if s.Often() {
		e.Fulfils = []ir.Fulfilment{{Obligation: word(s, ir.AddObjectionNotice, ir.Anonymise), Pointer: word(s, "", "/t"), In: some(s, values...)}}
	}
	if s.Seldom() {
		e.Segments = []ir.PathSegment{{Name: word(s, "x", "y"), Person: s.identifies()}}
	}
	e.Query = several(s, 1, func(int) ir.QueryParam {
		q := ir.QueryParam{Name: word(s, "q", "r")}
		if s.Seldom() {
			i := s.identifies()
			q.Person = &i
		}
		return q
	})
	return e
}

func (s *Source) identifies() ir.Identifies {
	return ir.Identifies{Type: word(s, kinds...), Form: word(s, consent.FormPlain, consent.FormSHA256)}
}

func (s *Source) fields() []ir.Field {
	return several(s, 3, func(i int) ir.Field {
		return ir.Field{Pointer: word(s, name[string]("/f", i), "/to/*/email"), Category: word(s, categories...)}
	})
}

func (s *Source) request() *ir.Message {
	m := &ir.Message{Fields: s.fields(), NotPersonal: append(some(s, "/t", "/u", "/v"), "/t"), Totals: some(s, "/n")}
	m.Addressees = several(s, 2, func(int) ir.Addressees {
		return ir.Addressees{
			Each: word(s, "/to/*", "/list/*/to/*"), Identifier: word(s, "/email", ""), Identifies: s.identifies(), Unit: word(s, "", "", "/list/*"),
			Time: word(s, "", "/at"),
		}
	})
	for i := range m.Addressees {
		if a := &m.Addressees[i]; !s.Wild && a.Each == "/to/*" {
			a.Unit = ""
		}
	}
	m.Switches = several(s, 1, func(int) ir.Switch {
		return ir.Switch{
			Tracking: word(s, ir.OpenTracking, ir.ClickTracking), Pointer: word(s, "/open", "/click"),
			Off: json.RawMessage(word(s, "false", "0")), Processing: []ir.Processing{ir.ProcessingTrack},
		}
	})
	return m
}

func (s *Source) response() *ir.Message {
	m := &ir.Message{Fields: s.fields(), NotPersonal: some(s, "/t", "/u"), Totals: some(s, "/n")}
	if s.Often() {
		m.Records = &ir.Records{Each: word(s, "/c/*", ""), Identifier: word(s, "/email", "/id"), Identifies: s.identifies(), Time: word(s, "", "/at"), Fields: s.fields()}
	}
	return m
}
