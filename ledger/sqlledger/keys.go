package sqlledger

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"unicode/utf8"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"

	"rollcall/fault"
)

// keySize is the length of the ledger key and of every person's key.
const keySize = 32

// digestSize is the length of keyed digests: enough that no two of a billion meet.
const digestSize = 16

// NewKey is a ledger key as text: what a key file holds and [ParseKey] reads.
func NewKey() string {
	var b [keySize]byte
	_, _ = rand.Read(b[:]) // never fails
	return base64.StdEncoding.EncodeToString(b[:])
}

// ParseKey reads a ledger key: 32 bytes in base64, white space around it allowed.
func ParseKey(text string) ([]byte, error) {
	key, err := base64.StdEncoding.DecodeString(strings.TrimSpace(text))
	if err != nil || len(key) != keySize {
		return nil, fmt.Errorf("parse ledger key: not 32 bytes in base64: %w", fault.Invalid)
	}
	return key, nil
}

// A keyring is what is derived from the ledger key of one ledger.
type keyring struct {
	wrap   cipher.AEAD // of persons' keys
	house  cipher.AEAD // of what is about no single person
	lookup []byte      // of keyed digests
	checks []byte      // stored, to tell a wrong key
	sign   []byte      // seed of the signing key, where no file has one
	macs   sync.Pool   // of hash.Hash
}

// derive makes the keys of the ledger with this id.
func derive(key []byte, id string) (*keyring, error) {
	var err error
	sub := func(use string) []byte {
		b, e := hkdf.Key(sha256.New, key, []byte(id), "rollcall ledger "+use, keySize)
		err = errors.Join(err, e)
		return b
	}
	k := &keyring{lookup: sub("lookup"), checks: sub("check")[:digestSize], sign: sub("sign")}
	wrap, house := sub("wrap"), sub("house")
	if err != nil {
		return nil, fmt.Errorf("derive ledger keys: %w: %w", fault.Internal, err)
	}
	k.wrap, k.house = box(wrap), box(house)
	return k, nil
}

// box is AES-256-GCM that carries its nonce in front. The key has keySize bytes.
func box(key []byte) cipher.AEAD {
	return certain(cipher.NewGCMWithRandomNonce(certain(aes.NewCipher(key))))
}

func certain[T any](v T, err error) T {
	if err != nil {
		panic("sqlledger: " + err.Error())
	}
	return v
}

// What a keyed digest is of.
const (
	ofKey    = 'k'
	ofName   = 'n'
	ofID     = 'i'
	ofChange = 'c'
	ofOrg    = 'o'
	ofValue  = 'v'
)

// digest is the keyed digest of text. UserNames are folded, all else is taken as it is.
func (k *keyring) digest(of byte, text string) []byte {
	if of == ofName {
		text = fold(text)
	}
	h, _ := k.macs.Get().(hash.Hash)
	if h == nil {
		h = hmac.New(sha256.New, k.lookup)
	}
	var sum [sha256.Size]byte
	h.Reset()
	h.Write(append(append(make([]byte, 0, 64), of), text...))
	out := slices.Clone(h.Sum(sum[:0])[:digestSize])
	k.macs.Put(h)
	return out
}

// fold makes equal what no service tells apart.
func fold(text string) string {
	for i := range len(text) {
		if text[i] >= utf8.RuneSelf {
			return cases.Fold().String(norm.NFC.String(text))
		}
	}
	return strings.ToLower(text)
}

// fits tells whether this is the keyring that a ledger was made with.
func (k *keyring) fits(checks []byte) bool { return hmac.Equal(k.checks, checks) }

// keep writes a secret to a new file with mode 0600, whole or not at all, and
// answers what the file holds: another process may have been first.
func keep(file, text string) (string, error) {
	tmp, err := os.CreateTemp(filepath.Dir(file), "."+filepath.Base(file)+"-*") // mode 0600
	if err != nil {
		return "", err
	}
	defer func() { _ = os.Remove(tmp.Name()) }()
	_, err = tmp.WriteString(text + "\n")
	err = errors.Join(err, tmp.Sync(), tmp.Close())
	if err != nil {
		return "", err
	}
	if err := os.Link(tmp.Name(), file); err != nil && !errors.Is(err, fs.ErrExist) {
		return "", err
	}
	if dir, err := os.Open(filepath.Dir(file)); err == nil {
		_ = dir.Sync() // not every system syncs directories
		_ = dir.Close()
	}
	return private(file)
}

// private is the text of a secret file, which nobody but its owner may have a right to.
func private(file string) (string, error) {
	f, err := os.Open(file) // the operator names the file
	if err != nil {
		return "", err
	}
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	if err != nil {
		return "", err
	}
	if mode := info.Mode().Perm(); mode&^0o600 != 0 && runtime.GOOS != "windows" { // which has no such modes
		return "", fault.WithHint(fmt.Errorf("%s has mode %04o, wider than 0600", file, mode), "chmod 600 "+file)
	}
	b, err := io.ReadAll(f)
	return string(bytes.TrimSpace(b)), err
}

// secret reads a secret file; where there is none and made is not nil, it makes one.
func secret(what, file string, made func() (string, error)) (string, error) {
	text, err := private(file)
	if errors.Is(err, fs.ErrNotExist) && made != nil {
		if text, err = made(); err == nil {
			text, err = keep(file, text)
		}
	}
	if errors.Is(err, fs.ErrNotExist) {
		return "", fault.WithHint(fmt.Errorf("open ledger: its %s is not there: %s: %w: %w", what, file, fault.Invalid, err),
			"put "+file+" back from where the ledger was made or last backed up; nothing was changed")
	}
	if err != nil {
		return "", fmt.Errorf("open ledger: %s: %w: %w", what, fault.Invalid, err)
	}
	return text, nil
}

// wrapped is a person's key as it is stored: bound to the person.
func (k *keyring) wrapped(person int64, key []byte) []byte {
	return k.wrap.Seal(nil, nil, key, place([]byte("person"), 0, person))
}

// unwrap is the key that was wrapped; errForgotten where it was destroyed.
func (k *keyring) unwrap(person int64, wrapped []byte) (cipher.AEAD, error) {
	if len(wrapped) == 0 {
		return nil, errForgotten
	}
	key, err := k.wrap.Open(nil, nil, wrapped, place([]byte("person"), 0, person))
	if err != nil || len(key) != keySize {
		return nil, fmt.Errorf("key of person %d does not open: %w", person, errors.Join(fault.Invalid, err))
	}
	return box(key), nil
}
