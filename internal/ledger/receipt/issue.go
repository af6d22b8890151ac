package receipt

import (
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ir"
	"github.com/optup/optup/internal/ledger/keys"
	"github.com/optup/optup/internal/ledger/proof"
	"github.com/optup/optup/internal/ledger/store"
)

// ErrErased reports an event whose content was erased with its person. Who has a receipt from before can still show it.
var ErrErased = errors.New("the person was erased, and what the entry said with them; only its hash is left")

// Source is what a receipt follows from.
type Source struct {
	Logged store.Logged
	// Path proves the event in the log that it is the newest of; Root is that log's.
	Path []proof.Hash
	Root proof.Hash
	// Epoch and Controller are those of the ledger.
	Epoch, Controller string
	// Purpose is the purpose that the event is about, where it names a grant alone. Bundle says what purposes and wordings are; it may
	// be nil.
	Purpose consent.PurposeID
	Bundle  *ir.Bundle
}

// Issue makes the receipt of an event. It fails with ErrErased.
func Issue(s Source, signer *keys.Signer) (Receipt, error) {
	if s.Logged.Entry == nil {
		return Receipt{}, ErrErased
	}
	entry, err := store.DecodeEntry(s.Logged.Entry)
	if err != nil {
		return Receipt{}, err
	}
	checkpoint, err := signer.Checkpoint(s.Epoch, s.Logged.Position, s.Root)
	if err != nil {
		return Receipt{}, err
	}
	r := Receipt{
		Context: terms(), Type: "dpv:ConsentReceipt", SchemaVersion: SchemaVersion, ReceiptID: receiptID(s.Logged.Leaf),
		Record: record(entry, s.Controller),
		Proof: Proof{
			Position: s.Logged.Position, Salt: hex.EncodeToString(s.Logged.Salt), Entry: string(s.Logged.Entry), Path: []string{},
			Checkpoint: string(checkpoint),
		},
	}
	for _, h := range s.Path {
		r.Proof.Path = append(r.Proof.Path, proof.Format(h))
	}
	s.describe(&r.Record, entry.Event)
	text, err := statement(r)
	if err != nil {
		return Receipt{}, err
	}
	signed, err := signer.Statement(text)
	r.Statement = string(signed)
	return r, err
}

func receiptID(leaf proof.Hash) string { return "urn:optup:receipt:" + proof.Format(leaf) }

// record is what follows from the entry itself; whoever verifies makes it again.
func record(entry store.Entry, controller string) Record {
	e := entry.Event
	r := Record{
		Type: "dpv:ConsentRecord", SchemaVersion: SchemaVersion, RecordID: "urn:optup:event:" + strconv.FormatUint(uint64(e.Position), 10),
		Parties: []Party{{PartyID: controller, Role: "dpv:DataController"}},
		Event: Event{
			Time: e.At, Acted: e.OccurredAt, EntityID: string(e.Actor), Touchpoint: e.Touchpoint, Type: e.Type, State: state(e), Evidence: e.Proof,
		},
	}
	if len(entry.Identities) > 0 && len(entry.Identities[0].Tags) > 0 {
		tag := entry.Identities[0].Tags[0]
		r.PIIPrincipalID = "urn:optup:tag:" + hex.EncodeToString(tag[:])
	}
	if e.Notice != "" {
		r.Processing.Notice = &Notice{Type: "dpv:ConsentNotice", Name: e.Notice, Language: e.Language}
	}
	return r
}

// describe adds what the bundle says of purpose and wording.
func (s *Source) describe(r *Record, e consent.Event) {
	name := e.Purpose
	if name == "" {
		name = s.Purpose
	}
	b := s.Bundle
	if b == nil {
		b = &ir.Bundle{}
	}
	var notice ir.Notice
	if i := slices.IndexFunc(b.Notices, func(n ir.Notice) bool { return n.Name == e.Notice }); i >= 0 && e.Notice != "" {
		notice = b.Notices[i]
		for _, t := range notice.Texts {
			r.Processing.Notice.Wordings = append(r.Processing.Notice.Wordings, Wording{Language: t.Language, SHA256: t.SHA256})
		}
	}
	if name == "" {
		return
	}
	p := Purpose{Type: "dpv:Purpose", Purpose: name, Controllers: []string{s.Controller}, ThirdParties: notice.Recipients}
	if i := slices.IndexFunc(b.Purposes, func(p ir.Purpose) bool { return p.Name == name }); i >= 0 {
		p.is(e, &b.Purposes[i], &notice)
	}
	r.Processing.Purposes = []Purpose{p}
}

// is says what a purpose is. Where the person saw a wording, what it covers counts.
func (p *Purpose) is(e consent.Event, x *ir.Purpose, notice *ir.Notice) {
	processing, channels := x.Processing, x.Channels
	if notice.Name != "" {
		processing, channels = notice.Processing, notice.Channels
	}
	p.PurposeType, p.LawfulBasis, p.Channels = x.DPV, basis(e, x.Grounds), channels
	for _, m := range processing {
		if t := methods[m]; !slices.Contains(p.Methods, t) {
			p.Methods = append(p.Methods, t)
		}
	}
	for _, c := range x.Categories {
		p.Information = append(p.Information, Information{Type: category(c), Special: slices.Contains(x.Special, c)})
	}
	if x.ValidForDays > 0 {
		p.ValidFor = fmt.Sprintf("P%dD", x.ValidForDays)
	}
}
