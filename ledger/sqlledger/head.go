package sqlledger

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"database/sql"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"rollcall/fault"
	"rollcall/ledger"
)

const (
	selectVerifier = "SELECT verifier FROM about WHERE one = 1"
	updateVerifier = "UPDATE about SET verifier = ? WHERE one = 1"
	insertNote     = "INSERT INTO heads (size, note) VALUES (?, ?)"
	selectNewest   = "SELECT note FROM heads ORDER BY size DESC LIMIT 1"
)

// origin is the first line of every signed head, and the name of the key.
func (l *Ledger) origin() string { return "rollcall-ledger-" + l.id }

// signer is the signing key. The ledger names the key that signs for it: made
// with the first run, found in its file ever after.
func (t *tx) signer() (note.Signer, error) {
	var verifier string
	if err := t.row(selectVerifier).Scan(&verifier); err != nil {
		return nil, err
	}
	text, err := t.l.signing(verifier == "")
	if err != nil {
		return nil, err
	}
	found, err := verifierOf(text)
	if err == nil && verifier == "" {
		verifier, err = found, t.exec(updateVerifier, found)
	}
	if err == nil && found != verifier {
		err = errors.New("it is not the key that signed for this ledger so far")
	}
	var s note.Signer
	if err == nil {
		s, err = note.NewSigner(text)
	}
	if err != nil {
		return nil, fault.WithHint(fmt.Errorf("signing key %s: %w: %w", t.l.o.SignFile, fault.Invalid, err),
			"put the file back from where the ledger was made or last backed up; nothing was changed")
	}
	return s, nil
}

// signing is the text of the signing key: that of its file, which is made where
// this is the first time, or the one that follows from the ledger key.
func (l *Ledger) signing(first bool) (string, error) {
	if l.o.SignFile == "" {
		return signerOf(l.origin(), l.keys.sign)
	}
	var made func() (string, error)
	if first {
		made = func() (string, error) {
			key, _, err := note.GenerateKey(rand.Reader, l.origin())
			return key, err
		}
	}
	return secret("signing key", l.o.SignFile, made)
}

// signerOf is the text of the signing key with this seed.
func signerOf(name string, seed []byte) (string, error) {
	public, _ := ed25519.NewKeyFromSeed(seed).Public().(ed25519.PublicKey)
	verifier, err := note.NewEd25519VerifierKey(name, public)
	if err != nil {
		return "", err
	}
	sum, _, _ := strings.Cut(strings.TrimPrefix(verifier, name+"+"), "+")
	return "PRIVATE+KEY+" + name + "+" + sum + "+" + base64.StdEncoding.EncodeToString(append([]byte{1}, seed...)), nil
}

// verifierOf is the public half of a signing key's text, PRIVATE+KEY+name+hash+base64(1, seed).
func verifierOf(signer string) (string, error) {
	rest, _ := strings.CutPrefix(signer, "PRIVATE+KEY+")
	fields := strings.SplitN(rest, "+", 3)
	if len(fields) != 3 {
		return "", errors.New("not a signing key")
	}
	b, err := base64.StdEncoding.DecodeString(fields[2])
	if err != nil || len(b) != 1+ed25519.SeedSize {
		return "", errors.New("not a signing key")
	}
	public, _ := ed25519.NewKeyFromSeed(b[1:]).Public().(ed25519.PublicKey)
	return note.NewEd25519VerifierKey(fields[0], public)
}

// sign signs the head as it is now.
func (t *tx) sign() error {
	s, err := t.signer()
	if err != nil {
		return err
	}
	root, err := tlog.TreeHash(t.seq, tlog.HashReaderFunc(t.treeHashes))
	if err != nil {
		return err
	}
	text := fmt.Sprintf("%s\n%d\n%s\n", t.l.origin(), t.seq, base64.StdEncoding.EncodeToString(root[:]))
	signed, err := note.Sign(&note.Note{Text: text}, s)
	if err != nil {
		return err
	}
	return t.exec(insertNote, t.seq, string(signed))
}

// A head is what a signed note says.
type head struct {
	size int64
	root tlog.Hash
}

// readHead checks the signature of a note and reads it.
func (l *Ledger) readHead(text, verifier string) (head, error) {
	v, err := note.NewVerifier(verifier)
	if err != nil {
		return head{}, err
	}
	n, err := note.Open([]byte(text), note.VerifierList(v))
	if err != nil {
		return head{}, err
	}
	lines := strings.Split(n.Text, "\n")
	if len(lines) != 4 || lines[0] != l.origin() {
		return head{}, errors.New("it is not a head of this ledger")
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil {
		return head{}, err
	}
	root, err := tlog.ParseHash(lines[2])
	return head{size: size, root: root}, err
}

// Checkpoint is the newest signed head, "" before the first run has ended.
// Kept elsewhere, it lets [Ledger.Verify] show even that the whole ledger was written anew.
func (l *Ledger) Checkpoint(ctx context.Context) (ledger.Checkpoint, error) {
	var text string
	err := l.row(ctx, selectNewest).Scan(&text)
	if errors.Is(err, sql.ErrNoRows) {
		return "", nil
	}
	return ledger.Checkpoint(text), l.explain("read checkpoint", err)
}
