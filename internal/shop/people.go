package shop

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strconv"
	"time"
)

// Name is a person's name as they write it.
type Name struct {
	First string `json:"first"`
	Last  string `json:"last"`
}

// Order is one purchase. Cents is the total in euro cents.
type Order struct {
	Number string `json:"number"`
	Goods  string `json:"goods"`
	Cents  int    `json:"cents"`
	Date   string `json:"date"`
}

// Health is what somebody once told the advisers of the shop: a special category of personal data (GDPR Art. 9(1)).
type Health struct {
	Allergies []string `json:"allergies"`
}

// Customer is one entry of the register, as its API shows it. Birthday and dates of orders are ISO 8601 dates.
type Customer struct {
	ID       string  `json:"id"`
	Email    string  `json:"email"`
	Name     Name    `json:"name"`
	Orders   []Order `json:"orders"`
	Birthday string  `json:"birthday"`
	Health   *Health `json:"health,omitempty"`
	// Score is what somebody in sales added without telling anybody: how likely the person is to buy, 0 to 1.
	Score float64 `json:"score"`
}

// Click is one click in a newsletter.
type Click struct {
	Email string    `json:"email"`
	URL   string    `json:"url"`
	At    time.Time `json:"at"`
}

var (
	goods     = []string{"garden", "garden", "garden", "furniture", "tools"}
	allergies = []string{"wasp stings", "hay fever", "nuts", "latex", "grass pollen"}
	pages     = []string{"/spring", "/roses", "/sale", "/sheds", "/tomatoes", "/lawn-mowers"}
	// opened is the day on which the shop opened; nothing is older.
	opened = time.Date(2021, time.March, 1, 8, 0, 0, 0, time.UTC)
)

// chance returns the random numbers of one person for one use, so that adding a field to one thing never changes another.
func chance(seed uint64, person int, use uint64) *rand.Rand {
	return rand.New(rand.NewPCG(seed^use<<48, uint64(person))) //nolint:gosec // generated data, not a secret
}

const (
	useCustomer uint64 = iota + 1
	useClicks
	useStory
	useTimes
)

// People gives the first n customers of a seed, in the order of their numbers. Addresses are distinct, lower-case ASCII.
func People(seed uint64, n int) []Customer {
	people := make([]Customer, n)
	taken := make(map[string]bool, n)
	for i := range people {
		people[i] = customer(seed, i)
		if taken[people[i].Email] {
			people[i].Email = "k" + strconv.Itoa(i+1) + "." + people[i].Email
		}
		taken[people[i].Email] = true
	}
	return people
}

func customer(seed uint64, i int) Customer {
	r := chance(seed, i, useCustomer)
	first, firstPlain := spelling(firstNames[r.IntN(len(firstNames))])
	last, lastPlain := spelling(lastNames[r.IntN(len(lastNames))])
	c := Customer{
		ID:       fmt.Sprintf("c-%05d", i+1),
		Name:     Name{First: first, Last: last},
		Email:    firstPlain + "." + lastPlain + "@" + mailDomains[r.IntN(len(mailDomains))],
		Birthday: opened.AddDate(-18-r.IntN(70), 0, -r.IntN(365)).Format(time.DateOnly),
		Orders:   make([]Order, r.IntN(4)),
		Score:    math.Round(r.Float64()*1000) / 1000,
	}
	for k := range c.Orders {
		c.Orders[k] = Order{
			Number: fmt.Sprintf("%05d-%d", i+1, k+1), Goods: goods[r.IntN(len(goods))], Cents: 490 + r.IntN(60000),
			Date: opened.AddDate(0, 0, 400*k+r.IntN(400)).Format(time.DateOnly),
		}
	}
	if r.IntN(100) < 6 {
		c.Health = &Health{Allergies: []string{allergies[r.IntN(len(allergies))]}}
	}
	return c
}

// Clicks gives the clicks of the people: about every fourth has some.
func Clicks(seed uint64, people []Customer) []Click {
	var clicks []Click
	for i, c := range people {
		r := chance(seed, i, useClicks)
		if r.IntN(4) != 0 {
			continue
		}
		for range 1 + r.IntN(3) {
			clicks = append(clicks, Click{
				Email: c.Email, URL: "https://shop.example" + pages[r.IntN(len(pages))],
				At: opened.Add(time.Duration(r.IntN(4*365*24*3600)) * time.Second),
			})
		}
	}
	return clicks
}
