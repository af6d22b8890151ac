package translate

import (
	"reflect"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/optup/optup/api/v1alpha1"
	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ir"
	"github.com/optup/optup/internal/policy"
)

func TestTouchpointKeepsEverythingThatWasDeclared(t *testing.T) {
	got := touchpoint(&v1alpha1.Touchpoint{
		ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "form"},
		Spec: v1alpha1.TouchpointSpec{
			Place: v1alpha1.PlaceCheckout, URL: "https://shop.example/", Controller: "Shop GmbH", OptIn: []v1alpha1.ObjectName{"news-v1"},
			Ladder:       []v1alpha1.LadderStep{{Notice: "advice-v1", After: []v1alpha1.ObjectName{"news-v1"}}},
			Confirmation: &v1alpha1.Confirmation{Proof: v1alpha1.ProofMailboxConfirmed, ValidForHours: 48, AgainAfterHours: 12},
			CoolDownDays: 90, DeferDays: 3, Writers: []v1alpha1.TouchpointWriter{{ServiceAccount: "web"}},
			Intake: &v1alpha1.Intake{
				Email: "/lead/email", Phone: "/lead/phone", Language: "/lang", Evidence: []v1alpha1.Pointer{"/id"}, KeyGeneration: 2,
				Purposes: []v1alpha1.IntakePurpose{{Notice: "news-v1", Purpose: "news", Pointer: "/news", In: []string{"yes"}}},
			},
		},
	})
	want := policy.Touchpoint{
		Namespace: "shop", Name: "form", Controller: "Shop GmbH", Place: ir.PlaceCheckout, URL: "https://shop.example/", OptIn: []consent.NoticeID{"news-v1"},
		Ladder:       []ir.LadderStep{{Notice: "advice-v1", After: []consent.NoticeID{"news-v1"}}},
		Confirmation: &ir.Confirmation{Proof: consent.ProofMailboxConfirmed, ValidForHours: 48, AgainAfterHours: 12},
		CoolDownDays: 90, DeferDays: 3, Writers: []string{"web"},
		Intake: &ir.Intake{
			Email: "/lead/email", Phone: "/lead/phone", Language: "/lang", Evidence: []string{"/id"}, KeyGeneration: 2,
			Purposes: []ir.IntakePurpose{{Notice: "news-v1", Purpose: "news", Pointer: "/news", In: []string{"yes"}}},
		},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v", got)
	}
}

func TestWordsArePassedOnAsTheyAre(t *testing.T) {
	n := notice(&v1alpha1.ConsentNotice{Spec: v1alpha1.ConsentNoticeSpec{Texts: []v1alpha1.NoticeText{{Language: "de", Text: "Ja, natürlich."}}}})
	want := []ir.Text{{Language: "de", SHA256: "a075b28bc7776b2cb760a54f51687255aab88bbf1a2728f5dbab86362480ef33", Text: "Ja, natürlich."}}
	if !reflect.DeepEqual(n.Texts, want) {
		t.Errorf("texts %+v", n.Texts)
	}
	p := purpose(&v1alpha1.DataPurpose{Spec: v1alpha1.DataPurposeSpec{Texts: []v1alpha1.LocalizedText{{Language: "de", Title: "Neues", Description: "Monatlich."}}}})
	if label := (ir.Label{Language: "de", Title: "Neues", Description: "Monatlich."}); len(p.Labels) != 1 || p.Labels[0] != label {
		t.Errorf("labels %+v", p.Labels)
	}
}
