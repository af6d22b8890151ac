package market

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strconv"
	"time"
)

// How many people there are of each kind. Absent people are known by number and address, and are nowhere.
const (
	Refused   = 1000
	Permitted = 200
	absent    = 200
)

// What a service says about whole lists.
type House struct {
	// Total is a number that stands nowhere else.
	Total   int    `json:"total"`
	ETag    string `json:"etag"`
	Link    string `json:"link"`
	Trailer string `json:"trailer"`
	Hint    string `json:"hint"`
	Debug   string `json:"debug"`
}

// Person is one person, as a service holds them.
type Person struct {
	ID   string `json:"id"`
	Mail string `json:"mail"`
	// Record is what answers show. Its address may be none that can be read.
	Record json.RawMessage `json:"record"`

	Permitted bool `json:"-"`
}

// Market is everybody, in the order in which services list them.
type Market struct {
	House  House    `json:"house"`
	People []Person `json:"people"`
	// Flows are answers that are sequences of records, by their paths.
	Flows map[string]Flow `json:"flows"`

	// Refused and Permitted have an address that can be read. Absent are in no list.
	Refused, Permitted, Absent []Person `json:"-"`

	marks map[string]Mark
}

// Purposes and wordings of the consents in Consents.
const (
	News, NewsNotice = "news", "news-v1"
	View, ViewNotice = "view", "view-v1"
)

// New makes up a market.
func New(seed uint64) *Market {
	m := &Market{marks: map[string]Mark{}}
	g := &generator{r: rand.New(rand.NewPCG(seed, 1)), m: m}
	m.House = House{
		Total: 700_000_000 + g.r.IntN(99_999_999), ETag: g.hidden("house", "etag"), Link: g.hidden("house", "link"),
		Trailer: g.hidden("house", "trailer"), Hint: g.hidden("house", "hint"), Debug: g.hidden("house", "debug header"),
	}
	m.marks[fmt.Sprint(m.House.Total)] = Mark{Who: "house", Field: "total", Hidden: true}
	numbers := g.r.Perm(89_999)
	id := func() string {
		n := numbers[0]
		numbers = numbers[1:]
		return fmt.Sprint(10_000 + n)
	}
	refused := 0
	for i := range Refused + Permitted {
		p := Person{ID: id(), Permitted: i%6 == 0 && i/6 < Permitted}
		g.fill(&p, refused)
		m.People = append(m.People, p)
		switch {
		case p.Permitted:
			m.Permitted = append(m.Permitted, p)
		default:
			if refused++; readable(refused - 1) {
				m.Refused = append(m.Refused, p)
			}
		}
	}
	for range absent {
		m.Absent = append(m.Absent, Person{ID: id(), Mail: g.token(true) + "@people.example"})
	}
	g.flows()
	return m
}

// JSON is what services read.
func (m *Market) JSON() ([]byte, error) { return json.Marshal(m) }

type generator struct {
	r *rand.Rand
	m *Market
}

// A token begins and ends in a way that nothing else does, so that it is found by its beginning.
const (
	hiddenStart, shownStart = "zqx", "okj"
	tokenBody               = 8
	tokenLength             = 3 + tokenBody + 3
)

func (g *generator) token(hidden bool) string {
	const letters = "abcdefghmnprstuvw234567"
	b := make([]byte, tokenBody)
	for i := range b {
		b[i] = letters[g.r.IntN(len(letters))]
	}
	if hidden {
		return hiddenStart + string(b) + "xqz"
	}
	return shownStart + string(b) + "jko"
}

func (g *generator) mark(who, field string, hidden bool) string {
	t := g.token(hidden)
	g.m.marks[t] = Mark{Who: who, Field: field, Hidden: hidden}
	return t
}

func (g *generator) hidden(who, field string) string { return g.mark(who, field, true) }

// readable tells whether the address of a refused person, by number, stands in their record as a plain string.
func readable(number int) bool { return number%9 != 4 }

// fill makes up a person's record. Number counts the refused.
func (g *generator) fill(p *Person, number int) {
	declared := func(field string) string { return g.mark(p.ID, field, !p.Permitted) }
	p.Mail = declared("email") + "@people.example"
	type order struct {
		SKU  string `json:"sku"`
		Note string `json:"note"`
	}
	record := map[string]any{
		"id": p.ID, "since": "2026-01-15T10:00:00Z", "email": p.Mail, "name": "Name " + declared("name"), "phone": declared("phone"),
		"orders":  []order{{declared("sku"), g.hidden(p.ID, "note of an order")}, {declared("second sku"), g.hidden(p.ID, "second note")}},
		"health":  g.hidden(p.ID, "health"),
		"address": map[string]any{"street": g.hidden(p.ID, "street"), "parts": []any{map[string]any{"city": g.hidden(p.ID, "city")}}},
		"tags":    []string{g.hidden(p.ID, "tag")},
	}
	if !p.Permitted && !readable(number) {
		g.unreadable(record, p.Mail, number/9%6)
	}
	p.Record, _ = json.Marshal(record) // strings and maps only
}

// unreadable puts an address where or how nobody expects it.
func (g *generator) unreadable(record map[string]any, mail string, how int) {
	switch how {
	case 0:
		record["email"] = nil
	case 1:
		delete(record, "email")
	case 2:
		record["email"] = []string{mail}
	case 3:
		record["email"] = map[string]string{"address": mail}
	case 4:
		record["email"] = "Name <" + mail + ">"
	default:
		record["email"] = 12345
	}
}

// Consents is the file that a ledger imports: those who agreed to news and view, and some of the others, who took it back.
func (m *Market) Consents(now time.Time) ([]byte, error) {
	var out bytes.Buffer
	w := csv.NewWriter(&out)
	rows := [][]string{{"identifier_type", "identifier", "event", "purpose", "notice", "at", "touchpoint", "proof", "evidence"}}
	at := func(days int) string { return now.AddDate(0, 0, -days).UTC().Format(time.RFC3339) }
	for i, p := range m.People {
		if !p.Permitted && i%4 != 1 {
			continue // the ledger has never heard of them
		}
		for purpose, notice := range map[string]string{News: NewsNotice, View: ViewNotice} {
			rows = append(rows, []string{"email", p.Mail, "given", purpose, notice, at(30), "form", "MailboxConfirmed", "archive/" + strconv.Itoa(i)})
			if !p.Permitted {
				rows = append(rows, []string{"email", p.Mail, "withdrawn", purpose, "", at(10), "", "", ""})
			}
		}
	}
	if err := w.WriteAll(rows); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}
