package proxy

import (
	"net/http"
	"testing"

	"github.com/optup/optup/internal/ir"
)

// TestHeadersThatLeadToACallback: some applications take another path than the request's, or the beginning off it, where a header says so.
func TestHeadersThatLeadToACallback(t *testing.T) {
	all := []*called{{Callback: &ir.Callback{Path: "/hooks/mail"}}}
	for name, test := range map[string]struct {
		path, header, value string
		want                bool
	}{
		"the beginning taken off":         {"/x/hooks/mail", "SCRIPT_NAME", "/x", true},
		"in another spelling":             {"/x/hooks/Mail/", "Script-Name", "/x", true},
		"by a header of proxies":          {"/x/hooks/mail", "X-Forwarded-Prefix", "/x", true},
		"by another one":                  {"/x/hooks/mail", "X-Script-Name", "/x", true},
		"another path":                    {"/", "X-Original-Url", "/hooks/mail", true},
		"a path as an environment has it": {"/", "PATH_INFO", "/hooks/mail", true},
		"no header":                       {"/x/hooks/mail", "X-Else", "/x", false},
		"a beginning of something else":   {"/x/y", "X-Forwarded-Prefix", "/x", false},
	} {
		r := &http.Request{RequestURI: test.path, Header: http.Header{test.header: {test.value}}}
		if c, reason := findCallback(all, r); (c != nil) != test.want || (reason != "") != test.want {
			t.Errorf("%s: %v, %s", name, c, reason)
		}
	}
	h := http.Header{"SCRIPT_NAME": {"/hooks"}, "Path_info": {"/x"}, "X-Else": {"y"}}
	if unsigned(h, &ir.Signature{}); len(h) != 1 {
		t.Errorf("the application gets %v", h)
	}
}
