package journal

import (
	"errors"
	"fmt"
	"reflect"
	"testing"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ledger/store"
)

// crowd is many people, of whom some have several identities, with links of which each is a row.
func crowd(t *testing.T) (rows []Row, want map[int64][]store.Person) {
	t.Helper()
	want = map[int64][]store.Person{}
	id := int64(0)
	for n := range 1500 {
		var cluster Loaded
		first := id + 1
		for range 1 + n%7/4*(n%5) { // one, or up to five
			id++
			tag := consent.Tag{byte(id), byte(id >> 8), 1}
			one := Identity{ID: id, Cluster: first, Type: consent.IdentifierCustomer, Tags: []consent.Tag{tag, {2, tag[0], tag[1]}}, Record: &consent.Record{Position: consent.Position(id)}}
			if n%3 == 0 {
				one.Record.Noes = []consent.No{{Position: consent.Position(id), Purpose: "newsletter"}}
			}
			cluster.Identities = append(cluster.Identities, one)
		}
		for _, one := range cluster.Identities {
			raw, err := AppendRecord(nil, one.Record)
			if err != nil {
				t.Fatal(err)
			}
			r := Row{ID: one.ID, Cluster: first, Type: []byte(one.Type), Tags: JoinTags(one.Tags), Record: raw}
			if len(cluster.Identities) == 1 {
				rows = append(rows, r)
				continue
			}
			for _, at := range []int64{first, first + 1} {
				r.Links = []int64{at}
				rows = append(rows, r)
				cluster.Links = append(cluster.Links, consent.Link{ID: one.ID, Position: consent.Position(at)})
			}
		}
		for _, p := range cluster.People() {
			want[p.Group] = append(want[p.Group], p)
		}
	}
	return rows, want
}

func TestEverybodyIsVisitedOnce(t *testing.T) {
	rows, want := crowd(t)
	got := map[int64][]store.Person{}
	last := int64(0)
	err := Everybody(func(add func(Row) error) error {
		again := make([]byte, 0, 1<<12) // the bytes of a row are used again
		for _, r := range rows {
			again = append(append(append(again[:0], r.Type...), r.Tags...), r.Record...)
			n, m := len(r.Type), len(r.Type)+len(r.Tags)
			if err := add(Row{ID: r.ID, Cluster: r.Cluster, Type: again[:n], Tags: again[n:m], Record: again[m:], Links: r.Links}); err != nil {
				return err
			}
		}
		return nil
	}, func(p store.Person) error {
		if len(got[p.Group]) > 0 && p.Group != last {
			return fmt.Errorf("group %d is visited in pieces", p.Group)
		}
		last = p.Group
		got[p.Group] = append(got[p.Group], p)
		return nil
	})
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Fatalf("%v; %d people, want %d", err, len(got), len(want))
	}
}

func TestWhatFailsEndsTheVisits(t *testing.T) {
	rows, _ := crowd(t)
	broken := errors.New("broken")
	for name, c := range map[string]struct {
		read, visit int
		record      []byte
		want        error
	}{
		"reading fails":            {read: 1000, want: broken},
		"visiting fails":           {visit: 700, want: broken},
		"both fail":                {read: 1200, visit: 1, want: broken},
		"a record cannot be read":  {record: []byte("{")},
		"nothing fails at the end": {read: len(rows) + 1, visit: len(rows) + 1},
	} {
		t.Run(name, func(t *testing.T) {
			visited := 0
			err := Everybody(func(add func(Row) error) error {
				for i, r := range rows {
					if i+1 == c.read {
						return broken
					}
					if c.record != nil && i > 500 && r.Links == nil {
						r.Record = c.record
					}
					if err := add(r); err != nil {
						return err
					}
				}
				return nil
			}, func(store.Person) error {
				if visited++; visited == c.visit {
					return broken
				}
				return nil
			})
			failed := c.want != nil || c.record != nil
			if (err != nil) != failed || (c.want != nil && !errors.Is(err, c.want)) || errors.Is(err, errStopped) {
				t.Fatalf("%v, want %v", err, c.want)
			}
		})
	}
}
