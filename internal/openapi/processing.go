package openapi

import (
	"fmt"
	"slices"

	"github.com/optup/optup/api/v1alpha1"
)

// operation is one method and path of the document.
type operation struct {
	method, path string // path with that of the server, decoded
	call         string // for the reader
	id           string
	tags         []string
	// words of path, tags and identifier; of the path alone.
	words, pathWords words
}

func (o *operation) about() about {
	w := o.words
	return about{
		person: w.has(people...), things: w.has(things...), figures: o.pathWords.has("stat", "statistic", "metric"),
		tracks: o.pathWords.has("track", "tracking"),
	}
}

// sends tells whether an operation sends messages to people: by a word for it, or because it makes a message and says to whom.
func (o *operation) sends(body *node) bool {
	if o.method != "POST" {
		return false
	}
	if slices.Concat(o.pathWords, split(o.id)).has("send", "deliver", "dispatch") {
		return true
	}
	if !o.pathWords.endsIn("message", "sms", "mail", "email", "call", "letter") || body == nil {
		return false
	}
	to := false
	body.all(func(n *node) { to = to || n.words.are("to", "recipient") })
	return to
}

// acts tells whether an operation may do something with people whom it does not name: send to a list, or take it away.
func (o *operation) acts() bool {
	return o.method != "GET" && o.method != "HEAD" && o.words.has(
		"send", "resend", "schedule", "now", "campaign", "singlesend", "list", "segment", "automation", "journey", "flow", "trigger", "activate",
		"start", "publish", "broadcast", "launch", "run", "sync", "tracking", "track", "click", "open", "subscription", "purge", "merge",
		"field", "attribute", "property")
}

// means are the words that tell by which channel people are reached.
var means = []struct {
	channel v1alpha1.Channel
	any     []string
}{
	{v1alpha1.ChannelSMS, []string{"sms", "whatsapp", "mms", "rcs"}},
	{v1alpha1.ChannelPhone, []string{"call", "voice", "telephony"}},
	{v1alpha1.ChannelPost, []string{"letter", "postcard"}},
	{v1alpha1.ChannelEmail, []string{"email", "mail", "smtp", "newsletter"}},
	{v1alpha1.ChannelWeb, []string{"push", "onsite", "webpush", "inapp"}},
}

// done is what an endpoint amounts to.
type done struct {
	processing v1alpha1.Processing
	channel    v1alpha1.Channel
	confidence Confidence
	why        string
	channelWhy string
}

// process guesses what an endpoint does with people's data. shown tells that its response has records.
func process(o *operation, request *body, shown bool) done {
	w, addressees := o.words, request.people
	if request.a.send {
		if d, ok := sends(o, addressees); ok {
			return d
		}
	}
	by := func(p v1alpha1.Processing, c Confidence, format string, args ...any) done {
		return done{processing: p, confidence: c, why: fmt.Sprintf(format, args...)}
	}
	reads := o.method == "GET" || o.method == "HEAD"
	settings := o.pathWords.has("setting", "definition", "webhook", "template")
	switch {
	case o.method == "DELETE":
		return by(v1alpha1.ProcessingErase, High, "the method is DELETE")
	case w.has("delete", "erase", "erasure", "remove", "purge", "forget") && !reads && !settings && o.pathWords.has("delete", "erase", "erasure", "remove", "purge", "forget"):
		return by(v1alpha1.ProcessingErase, Medium, "its path says so")
	case o.pathWords.has("export", "download") && !reads, o.pathWords.has("audience", "conversion", "share", "sync") && !reads:
		return by(v1alpha1.ProcessingDisclose, Medium, "its path speaks of handing data on")
	case o.pathWords.has("suppression", "unsubscribe", "optout", "blocklist", "blacklist") && !reads && !o.pathWords.has("search"):
		return by(v1alpha1.ProcessingRestrict, Medium, "its path speaks of people who are not to be used")
	case o.pathWords.has("merge", "identify", "alias") && !reads:
		return by(v1alpha1.ProcessingCombine, Medium, "its path speaks of joining people's data")
	case o.pathWords.has("track", "pageview", "click", "open", "beacon") && !reads && !settings:
		return by(v1alpha1.ProcessingTrack, Medium, "its path speaks of what people do")
	case o.pathWords.has("event", "lead", "signup", "register") && !reads && !settings:
		return by(v1alpha1.ProcessingCollect, Medium, "its path speaks of data that comes in")
	case o.pathWords.has("segment") && !reads && len(addressees) == 0:
		return by(v1alpha1.ProcessingSegment, Medium, "its path speaks of segments")
	case o.pathWords.has("stat", "statistic", "report", "analytic", "insight") && !shown && !settings:
		return by(v1alpha1.ProcessingAnalyse, Medium, "its path speaks of figures")
	case reads, o.pathWords.has("search", "query", "find", "lookup") && len(o.pathWords) > 0:
		if shown {
			return by(v1alpha1.ProcessingShow, High, "it answers with people's records")
		}
		return by(v1alpha1.ProcessingShow, Medium, "it reads")
	case len(addressees) > 0:
		return by(v1alpha1.ProcessingStore, High, "it takes people's data with %s", o.method)
	case shown && !request.personal && o.method == "POST":
		return by(v1alpha1.ProcessingShow, Medium, "it answers with people's records, and takes nothing about them")
	case shown:
		return by(v1alpha1.ProcessingStore, Medium, "it answers %s with people's records", o.method)
	default:
		return by(v1alpha1.ProcessingStore, Low, "the method is %s; nothing else tells", o.method)
	}
}

// sends judges an endpoint that seems to send; it reports false where no channel can be told, since a sender has to have one.
func sends(o *operation, addressees []found) (done, bool) {
	d := done{processing: v1alpha1.ProcessingSend, confidence: Medium, why: "its path or name speaks of sending"}
	for _, m := range means {
		if o.words.has(m.any...) {
			d.channel, d.channelWhy = m.channel, "by its path, tag or name"
			break
		}
	}
	if len(addressees) > 0 {
		d.confidence, d.why = High, d.why+", and it takes addressees"
		switch kind := addressees[0].id.Type; {
		case d.channel != "":
		case kind == v1alpha1.IdentifierEmail:
			d.channel, d.channelWhy = v1alpha1.ChannelEmail, "its addressees have e-mail addresses"
		case kind == v1alpha1.IdentifierPhone:
			d.channel, d.channelWhy = v1alpha1.ChannelSMS, "its addressees have telephone numbers"
		}
	}
	return d, d.channel != ""
}
