package openapi

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/optup/optup/api/v1alpha1"
)

// The two descriptions of one large service, in OpenAPI 3.1 and Swagger 2.0, lead to the same people.
func TestALargeMailService(t *testing.T) {
	for _, name := range []string{"sendgrid-openapi.json", "sendgrid-swagger2.json"} {
		path := shared(t, name)
		if path == "" {
			return
		}
		t.Run(name, func(t *testing.T) {
			d := draft(t, path, Options{Name: "sendgrid"})
			if got := d.Service.Spec.Hosts; !slices.Equal(got, []v1alpha1.Host{"api.sendgrid.com"}) || d.Counts.Operations != 334 || d.Counts.Endpoints != 334 {
				t.Errorf("hosts %v, %+v", got, d.Counts)
			}
			mailSend(t, d)
			contacts(t, d)
			for _, e := range d.Service.Spec.Endpoints {
				if e.PersonalData == v1alpha1.PersonalDataNone && slices.Contains([]string{
					"/v3/mail/send", "/v3/mail/batch", "/v3/templates/{template_id}", "/v3/marketing/contacts/count", "/v3/campaigns/{campaign_id}/schedules/now",
				}, e.Path) {
					t.Errorf("%s is said to be without personal data", e.Path)
				}
			}
			if e := endpoint(t, d, "GET", "/v3/stats"); e.PersonalData != v1alpha1.PersonalDataNone {
				t.Errorf("the statistics are said to be personal: %+v", e)
			}
		})
	}
}

func mailSend(t *testing.T, d *Draft) {
	t.Helper()
	e := endpoint(t, d, "POST", "/v3/mail/send")
	if !slices.Equal(e.Processing, []v1alpha1.Processing{v1alpha1.ProcessingSend}) || e.Channel != v1alpha1.ChannelEmail {
		t.Errorf("processing %v, channel %q", e.Processing, e.Channel)
	}
	list := func(name string) v1alpha1.AddresseeList {
		return v1alpha1.AddresseeList{
			Identifies: v1alpha1.Identifies{Type: v1alpha1.IdentifierEmail}, Each: v1alpha1.Pointer("/personalizations/*/" + name + "/*"),
			Identifier: "/email", Unit: "/personalizations/*",
		}
	}
	if diff := cmp.Diff([]v1alpha1.AddresseeList{list("bcc"), list("cc"), list("to")}, e.Request.Addressees); diff != "" {
		t.Error(diff)
	}
	for _, want := range []v1alpha1.PersonalField{
		{Pointer: "/personalizations/*/to/*/email", Category: "pd:EmailAddress"}, {Pointer: "/personalizations/*/to/*/name", Category: "pd:Name"},
	} {
		if !slices.Contains(e.Request.Fields, want) {
			t.Errorf("%v is missing", want)
		}
	}
	undeclared := map[string]bool{}
	for _, g := range d.Guesses {
		if g.Endpoint == string(e.Name) && g.What == WhatSwitch && !g.Declared {
			undeclared[g.Pointer] = true
		}
		if g.Endpoint == string(e.Name) && g.Pointer == "/personalizations/*/dynamic_template_data" && g.What != WhatUndeclared {
			t.Errorf("what nobody knows is declared: %+v", g)
		}
	}
	tracking := func(kind v1alpha1.Tracking, name string) v1alpha1.Switch {
		return v1alpha1.Switch{
			Tracking: kind, Pointer: v1alpha1.Pointer("/tracking_settings/" + name + "/enable"), OffValue: "false", Processing: []v1alpha1.Processing{v1alpha1.ProcessingTrack},
		}
	}
	if diff := cmp.Diff([]v1alpha1.Switch{tracking("ClickTracking", "click_tracking"), tracking("OpenTracking", "open_tracking")}, e.Request.Switches); diff != "" {
		t.Error(diff)
	}
	for _, want := range []string{
		"/tracking_settings/click_tracking/enable_text", "/tracking_settings/subscription_tracking/enable", "/tracking_settings/ganalytics/enable",
		"/mail_settings/bypass_list_management/enable",
	} {
		if !undeclared[want] || slices.Contains(e.Request.NotPersonal, v1alpha1.Pointer(want)) {
			t.Errorf("the switch %s is no note, or passes", want)
		}
	}
}

func contacts(t *testing.T, d *Draft) {
	t.Helper()
	put := endpoint(t, d, "PUT", "/v3/marketing/contacts")
	want := []v1alpha1.AddresseeList{{Identifies: v1alpha1.Identifies{Type: v1alpha1.IdentifierEmail}, Each: "/contacts/*", Identifier: "/email"}}
	if diff := cmp.Diff(want, put.Request.Addressees); diff != "" || !slices.Equal(put.Processing, []v1alpha1.Processing{v1alpha1.ProcessingStore}) {
		t.Errorf("%v %s", put.Processing, diff)
	}
	for path, method := range map[string]v1alpha1.Method{"/v3/marketing/contacts": "GET", "/v3/marketing/contacts/search": "POST", "/v3/marketing/contacts/{id}": "GET"} {
		e := endpoint(t, d, method, path)
		if !slices.Equal(e.Processing, []v1alpha1.Processing{v1alpha1.ProcessingShow}) || e.Response == nil || e.Response.Records == nil {
			t.Errorf("%s: %v %+v", path, e.Processing, e.Response)
			continue
		}
		each := v1alpha1.Pointer("/result/*")
		if path == "/v3/marketing/contacts/{id}" {
			each = ""
		}
		l := e.Response.Records
		if l.Each != each || l.Identifier != "/email" || l.Type != v1alpha1.IdentifierEmail || l.Time != "/created_at" {
			t.Errorf("%s: %+v", path, l)
		}
		for pointer, category := range map[v1alpha1.Pointer]v1alpha1.DataCategory{
			"/email": "pd:EmailAddress", "/first_name": "pd:Name", "/phone_number": "pd:TelephoneNumber", "/city": "pd:PhysicalAddress",
		} {
			if !slices.Contains(l.Fields, v1alpha1.PersonalField{Pointer: pointer, Category: category}) {
				t.Errorf("%s: %s is no %s", path, pointer, category)
			}
		}
	}
	bounced := endpoint(t, d, "GET", "/v3/suppression/unsubscribes").Response.Records
	if bounced == nil || bounced.Time != "/created" || bounced.TimeFormat != v1alpha1.TimeUnixSeconds {
		t.Errorf("the Unix time is missing: %+v", bounced)
	}
	count := endpoint(t, d, "POST", "/v3/marketing/contacts/search")
	if !slices.Contains(count.Response.Totals, "/contact_count") {
		t.Errorf("the count of contacts is no total: %v", count.Response.Totals)
	}
}
