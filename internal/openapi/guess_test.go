package openapi

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/optup/optup/api/v1alpha1"
)

func TestWords(t *testing.T) {
	for name, want := range map[string]words{
		"alternateEmails": {"alternate", "email"}, "first_name": {"firstname"}, "URLPath": {"url", "path"}, "address_line_2": {"address", "line"},
		"e-mail": {"email"}, "SHA-256": {"sha"}, "email_sha256": {"email", "sha256"}, "date_of_birth": {"birthdate"}, "status": {"status"}, "categories": {"category"},
		"user_ids": {"user", "id"}, "userID": {"user", "id"}, "": nil, "***": nil, "2": nil,
	} {
		if diff := cmp.Diff(want, split(name)); diff != "" {
			t.Errorf("%q: %s", name, diff)
		}
	}
}

// One person in a request and a list of others: what is beside the list is about the one, and does not pass.
func TestOnePersonAndAList(t *testing.T) {
	d, err := Import([]byte(request("/customers", object(`"contact":`+object(email), `"diabetic":{"type":"boolean"}`, `"status":{"type":"string","enum":["a"]}`, `"friends":`+list(object(email))))), Options{})
	if err != nil {
		t.Fatal(err)
	}
	r := d.Service.Spec.Endpoints[0].Request
	if r == nil || len(r.Addressees) != 1 || len(r.NotPersonal) != 0 || len(r.Fields) != 1 {
		t.Errorf("%+v", r)
	}
}

// request and response make a document with one endpoint of which only one body matters.
func request(path, schema string) string {
	return fmt.Sprintf(`{"openapi":"3.1.0","paths":{%q:{"post":{"requestBody":{"content":{"application/json":{"schema":%s}}},"responses":{"204":{}}}}}}`, path, schema)
}

func response(path, schema string) string {
	return fmt.Sprintf(`{"openapi":"3.1.0","paths":{%q:{"get":{"responses":{"200":{"content":{"application/json":{"schema":%s}}}}}}}}`, path, schema)
}

func object(members ...string) string {
	return `{"type":"object","properties":{` + strings.Join(members, ",") + `}}`
}

func list(items string) string { return `{"type":"array","items":` + items + `}` }

const (
	str   = `{"type":"string"}`
	email = `"email":{"type":"string","format":"email"}`
)

func TestRequests(t *testing.T) {
	who := func(kind v1alpha1.IdentifierType, form v1alpha1.Form) v1alpha1.Identifies {
		return v1alpha1.Identifies{Type: kind, Form: form}
	}
	for name, tt := range map[string]struct {
		schema string
		want   []v1alpha1.AddresseeList
	}{
		"a list of addresses":                                     {object(`"emails":` + list(str)), []v1alpha1.AddresseeList{{Identifies: who("email", ""), Each: "/emails/*"}}},
		"a body that is a list":                                   {list(object(email)), []v1alpha1.AddresseeList{{Identifies: who("email", ""), Each: "/*", Identifier: "/email"}}},
		"a list in a list has a unit":                             {object(`"groups":` + list(object(`"to":`+list(object(`"phone":`+str))))), []v1alpha1.AddresseeList{{Identifies: who("phone", ""), Each: "/groups/*/to/*", Identifier: "/phone", Unit: "/groups/*"}}},
		"an address deeper in the addressee":                      {object(`"people":` + list(object(`"contact":`+object(email)))), []v1alpha1.AddresseeList{{Identifies: who("email", ""), Each: "/people/*", Identifier: "/contact/email"}}},
		"a name with a slash":                                     {object(`"to/cc":` + list(object(email))), []v1alpha1.AddresseeList{{Identifies: who("email", ""), Each: "/to~1cc/*", Identifier: "/email"}}},
		"a hash by its name":                                      {object(`"members":` + list(object(`"hashedEmailSHA256":`+str))), []v1alpha1.AddresseeList{{Identifies: who("email", "SHA256"), Each: "/members/*", Identifier: "/hashedEmailSHA256"}}},
		"a hash by its description":                               {object(`"members":` + list(object(`"email":{"type":"string","description":"MD5 of the address"}`))), []v1alpha1.AddresseeList{{Identifies: who("email", "MD5"), Each: "/members/*", Identifier: "/email"}}},
		"a hash of an unknown kind is not declared":               {object(`"members":` + list(object(`"hashed_email":`+str))), nil},
		"the addresses of one addressee are no list of their own": {object(`"contacts":` + list(object(email, `"alternate_emails":`+list(str)))), []v1alpha1.AddresseeList{{Identifies: who("email", ""), Each: "/contacts/*", Identifier: "/email"}}},
		"who sends is no addressee":                               {object(`"reply_to":`+list(object(email)), `"to":`+list(object(email))), []v1alpha1.AddresseeList{{Identifies: who("email", ""), Each: "/to/*", Identifier: "/email"}}},
		"devices":                                                 {object(`"device_ids":` + list(str)), []v1alpha1.AddresseeList{{Identifies: who("device", ""), Each: "/device_ids/*"}}},
		"customers by number":                                     {object(`"rows":` + list(object(`"customer_id":{"type":"integer"}`))), []v1alpha1.AddresseeList{{Identifies: who("customer", ""), Each: "/rows/*", Identifier: "/customer_id"}}},
		"a count of e-mails is no address":                        {object(`"rows":` + list(object(`"email_count":{"type":"integer"}`, `"email_template":`+str))), nil},
		"one person outside of a list":                            {object(email, `"first_name":`+str, `"vip":{"type":"boolean"}`), nil},
	} {
		t.Run(name, func(t *testing.T) {
			d, err := Import([]byte(request("/things", tt.schema)), Options{})
			if err != nil {
				t.Fatal(err)
			}
			e := d.Service.Spec.Endpoints[0]
			var got []v1alpha1.AddresseeList
			if e.Request != nil {
				got = e.Request.Addressees
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
			if e.PersonalData != "" {
				t.Error("it is said to be without personal data")
			}
			if tt.want == nil && e.Request != nil && len(e.Request.Fields)+len(e.Request.NotPersonal) > 0 && strings.HasPrefix(name, "one person") {
				t.Errorf("something passes: %+v", e.Request)
			}
			checkManifest(t, d)
		})
	}
}

func TestResponses(t *testing.T) {
	for name, tt := range map[string]struct {
		schema string
		// fields and others are "pointer=category" and pointers that pass; pointers from the root.
		pass []string
		hide []string
	}{
		"a record with what is usual": {
			list(object(email, `"name":`+str, `"ip":`+str, `"cart":`+list(object(`"sku":`+str)), `"interests":`+list(str), `"diagnosis":`+str)),
			[]string{"/*/email=pd:EmailAddress", "/*/name=pd:Name", "/*/ip=pd:IPAddress", "/*/cart/*/sku=pd:Purchase", "/*/interests/*=pd:Interest", "/*/diagnosis=pd:MedicalHealth"},
			nil,
		},
		"what a record does not explain stays hidden": {
			list(object(email, `"notes":`+str, `"vip":{"type":"boolean"}`, `"x":{}`, `"level":{"type":"string","enum":["a"]}`)),
			[]string{"/*/email=pd:EmailAddress"},
			[]string{"/*/notes", "/*/vip", "/*/x", "/*/level"},
		},
		"the spouse in a record is somebody else": {
			object(email, `"spouse":`+object(email, `"firstname":`+str), `"billing":`+object(`"email":`+str)),
			[]string{"/email=pd:EmailAddress", "/billing/email=pd:EmailAddress"},
			[]string{"/spouse/email", "/spouse/firstname"},
		},
		"the name of a list in a record is not the person's": {
			list(object(email, `"lists":`+list(object(`"name":`+str)))),
			[]string{"/*/email=pd:EmailAddress", "/*/lists/*/name=pd:IndividualProfile"},
			nil,
		},
		"people with nothing to find them by": {object(`"first_name":`+str, `"last_name":`+str), nil, []string{"/first_name", "/last_name"}},
		"addresses alone are no records":      {object(`"emails":` + list(str)), nil, []string{"/emails/*"}},
		"a map by address":                    {`{"type":"object","additionalProperties":` + object(email) + `}`, nil, []string{""}},
		"a total": {
			object(`"items":`+list(object(email)), `"total":{"type":"integer"}`, `"offset":{"type":"integer"}`),
			[]string{"/items/*/email=pd:EmailAddress", "/total=total", "/offset="},
			nil,
		},
	} {
		t.Run(name, func(t *testing.T) {
			d, err := Import([]byte(response("/customers", tt.schema)), Options{})
			if err != nil {
				t.Fatal(err)
			}
			var pass, hide []string
			for _, g := range d.Guesses {
				switch {
				case g.Part != PartResponse:
				case g.What == WhatUndeclared:
					hide = append(hide, g.Pointer)
				case g.What == WhatTotal:
					pass = append(pass, g.Pointer+"=total")
				case g.Declared && (g.What == WhatField || g.What == WhatNotPersonal):
					pass = append(pass, g.Pointer+"="+g.Value)
				}
			}
			slices.Sort(pass)
			slices.Sort(hide)
			slices.Sort(tt.pass)
			slices.Sort(tt.hide)
			if diff := cmp.Diff(tt.pass, pass) + cmp.Diff(tt.hide, hide); diff != "" {
				t.Errorf("%s", diff)
			}
			checkManifest(t, d)
		})
	}
}

func TestWithoutPersonalData(t *testing.T) {
	get := func(path, schema string) string { return response(path, schema) }
	number := `{"type":"integer"}`
	for name, tt := range map[string]struct {
		document string
		none     bool
	}{
		"figures about campaigns":            {get("/stats", list(object(`"date":{"type":"string","format":"date"}`, `"clicks":`+number))), true},
		"a text":                             {get("/stats", object(`"remark":`+str)), false},
		"the name of a template":             {get("/templates", object(`"name":`+str)), false},
		"a person in the path":               {strings.Replace(get("/stats/{customer_id}", object(`"clicks":`+number)), `"responses"`, `"parameters":[{"name":"customer_id","in":"path"}],"responses"`, 1), false},
		"a person in the query":              {strings.Replace(get("/stats", object(`"clicks":`+number)), `"responses"`, `"parameters":[{"name":"email","in":"query"}],"responses"`, 1), false},
		"a tag about people":                 {strings.Replace(get("/stats", object(`"clicks":`+number)), `"responses"`, `"tags":["Subscribers"],"responses"`, 1), false},
		"no schema":                          {get("/stats", `{}`), false},
		"an answer that is no JSON":          {strings.Replace(get("/stats", object(`"clicks":`+number)), "application/json", "text/csv", 1), false},
		"an object with free names":          {get("/stats", `{"type":"object","additionalProperties":`+number+`}`), false},
		"what starts a campaign":             {request("/campaigns/{id}/start", object(`"template_id":`+str)), false},
		"what turns tracking on for all":     {request("/tracking/settings", object(`"enabled":{"type":"boolean"}`)), false},
		"what has nothing to do with people": {request("/templates/{id}/versions", object(`"template_id":`+str)), true},
	} {
		t.Run(name, func(t *testing.T) {
			d, err := Import([]byte(tt.document), Options{})
			if err != nil {
				t.Fatal(err)
			}
			if got := d.Service.Spec.Endpoints[0].PersonalData == v1alpha1.PersonalDataNone; got != tt.none {
				t.Errorf("without personal data: %v, for %+v", got, d.Guesses)
			}
			checkManifest(t, d)
		})
	}
}
