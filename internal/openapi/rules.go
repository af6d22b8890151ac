package openapi

import "github.com/optup/optup/api/v1alpha1"

// Categories of personal data; terms of the Data Privacy Vocabulary.
const (
	emailAddress v1alpha1.DataCategory = "pd:EmailAddress"
	telephone    v1alpha1.DataCategory = "pd:TelephoneNumber"
	personName   v1alpha1.DataCategory = "pd:Name"
	identifier   v1alpha1.DataCategory = "pd:UID"
	device       v1alpha1.DataCategory = "pd:DeviceBased"
	ipAddress    v1alpha1.DataCategory = "pd:IPAddress"
	profile      v1alpha1.DataCategory = "pd:IndividualProfile"
)

// rule says what a name suggests about a value.
type rule struct {
	// any of these words, or all of together; and none of not.
	any      []string
	together []string
	not      []string
	category v1alpha1.DataCategory
	what     string
	// Confidence in a person's own record, and elsewhere; empty for none.
	person, elsewhere Confidence
	// below tells that the name of an object or list stands for all that is below it.
	below bool
}

func (r *rule) matches(w words) bool {
	switch {
	case w.has(r.not...):
		return false
	case len(r.together) > 0:
		return w.all(r.together...)
	default:
		return w.has(r.any...)
	}
}

// notPostal are kinds of addresses that nobody lives at.
var notPostal = []string{"ip", "mac", "web", "url", "http", "wallet", "remote", "server", "host", "network", "memory", "id", "type", "count", "whitelist", "email"}

// rules in the order in which they are tried. E-mail addresses, telephone numbers and identifiers come before them.
var rules = []rule{
	{any: []string{"firstname", "lastname", "fullname", "middlename", "surname", "forename", "givenname", "familyname", "maiden"}, category: personName, what: "a person's name", person: High, elsewhere: High},
	{any: []string{"nickname", "salutation", "honorific", "initial"}, category: personName, what: "a person's name", person: High, elsewhere: Medium},
	{any: []string{"username", "login", "screenname"}, not: []string{"count", "time", "at", "date"}, category: "pd:Username", what: "a user name", person: Medium, elsewhere: Low},
	{any: []string{"ip", "ipv4", "ipv6"}, not: []string{"id", "pool", "count", "type", "version"}, category: ipAddress, what: "an IP address", person: High, elsewhere: Low},
	{any: []string{"street", "postcode", "zipcode", "zip", "postal", "housenumber"}, category: "pd:PhysicalAddress", what: "a postal address", person: High, elsewhere: Medium},
	{any: []string{"address", "addr"}, not: notPostal, category: "pd:PhysicalAddress", what: "a postal address", person: High, elsewhere: Low, below: true},
	{any: []string{"city", "town", "country", "county", "province", "region", "suburb", "district"}, not: []string{"count"}, category: "pd:PhysicalAddress", what: "a postal address", person: Medium, elsewhere: Low},
	{any: []string{"latitude", "longitude", "lat", "lng", "lon", "geo", "gps", "geolocation", "geoip", "coordinate", "location"}, not: []string{"id", "url"}, category: "pd:Location", what: "where a person is", person: High, elsewhere: Low, below: true},
	{any: []string{"birthdate", "birthday", "dob", "birth", "birthyear"}, category: "pd:BirthDate", what: "a date of birth", person: High, elsewhere: Medium},
	{any: []string{"age"}, not: []string{"max", "min", "cache"}, category: "pd:Age", what: "a person's age", person: Medium, elsewhere: Low},
	{any: []string{"gender", "sex"}, category: "pd:Gender", what: "a person's gender", person: High, elsewhere: Medium},
	{any: []string{"diagnosis", "medication", "allergy", "disease", "disability", "illness", "medical", "pregnant", "pregnancy"}, category: "pd:MedicalHealth", what: "a person's health", person: High, elsewhere: Medium, below: true},
	{any: []string{"health"}, not: []string{"check"}, category: "pd:MedicalHealth", what: "a person's health", person: High, elsewhere: Low, below: true},
	{any: []string{"iban", "bic"}, category: "pd:BankAccount", what: "a bank account", person: High, elsewhere: Medium},
	{together: []string{"bank", "account"}, category: "pd:BankAccount", what: "a bank account", person: High, elsewhere: Medium},
	{together: []string{"card", "number"}, category: "pd:PaymentCardNumber", what: "a payment card", person: High, elsewhere: Medium},
	{any: []string{"ltv", "clv", "spending", "rfm"}, category: "pd:PurchasesAndSpendingHabit", what: "how much a person spends", person: High, elsewhere: Low},
	{together: []string{"lifetime", "value"}, category: "pd:PurchasesAndSpendingHabit", what: "how much a person spends", person: High, elsewhere: Low},
	{any: []string{"order", "purchase", "purchased", "transaction", "basket", "cart", "checkout", "invoice", "spent", "revenue"}, not: []string{"by", "sort"}, category: "pd:Purchase", what: "what a person bought", person: High, elsewhere: Low, below: true},
	{any: []string{"opened", "open"}, not: []string{"is", "rate"}, category: "optup:MessageOpened", what: "whether a person opened a message", person: Medium, elsewhere: Low, below: true},
	{any: []string{"click", "clicked"}, not: []string{"rate"}, category: "pd:LinkClicked", what: "what a person clicked", person: Medium, elsewhere: Low, below: true},
	{any: []string{"visit", "visited", "pageview", "referrer", "referer", "browsing", "viewed", "session"}, category: "pd:BrowsingBehavior", what: "what a person looked at", person: Medium, elsewhere: Low, below: true},
	{any: []string{"useragent", "browser", "device", "os"}, not: []string{"count"}, category: device, what: "a person's device", person: Medium, elsewhere: Low, below: true},
	{any: []string{"interest", "preference", "hobby", "favorite", "favourite"}, not: []string{"rate"}, category: "pd:Interest", what: "a person's interests", person: High, elsewhere: Low, below: true},
	{any: []string{"score", "segment", "tag", "audience", "persona", "lifecycle", "cohort", "lists", "list"}, not: []string{"unsubscribe"}, category: profile, what: "how a person is classed", person: Medium, elsewhere: Low, below: true},
	{any: []string{"activity", "engagement", "behavior", "behaviour"}, category: "pd:Behavioral", what: "what a person does", person: Medium, elsewhere: Low, below: true},
	{any: []string{"language", "locale", "lang"}, category: "pd:Language", what: "a person's language", person: Medium, elsewhere: ""},
	{any: []string{"facebook", "twitter", "instagram", "linkedin", "tiktok"}, category: "pd:SocialMedia", what: "an account in social media", person: Medium, elsewhere: Low},
	{any: []string{"photo", "avatar", "picture", "portrait"}, category: "pd:Picture", what: "a picture of a person", person: Medium, elsewhere: Low},
	{any: []string{"job", "occupation", "profession"}, not: []string{"id", "status"}, category: "pd:Job", what: "a person's work", person: Medium, elsewhere: ""},
}

// people are words for a person, or for what is about single people.
var people = []string{
	"contact", "recipient", "customer", "subscriber", "user", "member", "person", "people", "lead", "prospect", "profile", "patient", "visitor",
	"guest", "addressee", "teammate", "employee", "buyer", "shopper", "donor", "suppression", "suppressed", "bounce", "unsubscribe", "complaint",
	"message", "sender", "mail", "email", "sms", "call", "account", "subuser", "order", "activity", "participant", "attendee", "passenger",
	"tenant", "identity", "audience", "conversion", "block", "spam", "consent", "login", "session", "device", "address", "phone", "export",
	"import", "download", "upload", "search", "monitor", "alert", "request",
}

// owned are words for a person whose number, name or record a value may be.
var owned = []string{
	"contact", "recipient", "customer", "subscriber", "user", "member", "person", "lead", "prospect", "profile", "patient", "guest", "buyer",
	"shopper", "donor", "employee", "participant", "attendee", "passenger", "client", "addressee", "external",
}

// things are words for what is no person.
var things = []string{
	"template", "setting", "stat", "statistic", "scope", "key", "whitelabel", "domain", "ip", "design", "campaign", "category", "webhook",
	"list", "segment", "field", "definition", "version", "singlesend", "credit", "pool", "warmup", "certificate", "integration", "dns", "link",
	"file", "job", "batch", "group", "asm", "job", "msg", "page", "product", "event", "host", "hostname", "attribute", "tag", "brand", "app",
	"server", "service", "image", "currency", "plan", "feature", "permission", "role", "store", "shop", "article", "variant", "catalog",
	"catalogue", "collection", "warehouse", "coupon", "metric", "health", "status", "sender", "suppression", "content", "pre", "built", "editor",
}
