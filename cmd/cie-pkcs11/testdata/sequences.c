/* sequences MODULE PIN PUK SEED SECONDS CALLS: makes random calls of one thread and compares each
 * result with a model of the state machine of PKCS #11 (v2.40, 5.1 and 5.4 to 5.12): sessions,
 * logins, one operation per session. It ends at the first difference with the calls that led
 * to it, or after SECONDS or CALLS, whichever is later. The last line of its output contains the
 * number of calls, logins, and signatures that were verified.
 *
 * No wrong code is sent, so no try of the card may be used. */
#include <time.h>

#include "common.h"

#define CKM_SHA_1 0x220UL
#define CKM_RSA_X_509 3UL
#define CKM_SHA512_RSA_PKCS 0x42UL

#define CKR_SLOT_ID_INVALID 0x03UL
#define CKR_DATA_LEN_RANGE 0x21UL
#define CKR_KEY_HANDLE_INVALID 0x60UL
#define CKR_KEY_FUNCTION_NOT_PERMITTED 0x68UL
#define CKR_MECHANISM_INVALID 0x70UL
#define CKR_MECHANISM_PARAM_INVALID 0x71UL
#define CKR_OBJECT_HANDLE_INVALID 0x82UL
#define CKR_OPERATION_ACTIVE 0x90UL
#define CKR_OPERATION_NOT_INITIALIZED 0x91UL
#define CKR_PIN_LEN_RANGE 0xA2UL
#define CKR_SESSION_PARALLEL_NOT_SUPPORTED 0xB4UL
#define CKR_SESSION_READ_ONLY 0xB5UL
#define CKR_SESSION_READ_ONLY_EXISTS 0xB7UL
#define CKR_SESSION_READ_WRITE_SO_EXISTS 0xB8UL
#define CKR_SIGNATURE_INVALID 0xC0UL
#define CKR_SIGNATURE_LEN_RANGE 0xC1UL
#define CKR_USER_NOT_LOGGED_IN 0x101UL
#define CKR_USER_TYPE_INVALID 0x103UL
#define CKR_USER_ANOTHER_ALREADY_LOGGED_IN 0x104UL

#define MAX_SESSIONS 6
#define MAX_SIGN 102 /* what the chip signs without a hash */
#define SIGNATURE 256

enum operation { NONE, FINDING, SIGNING, VERIFYING, DIGESTING };

/* The model. */
static struct session {
	CK_SESSION_HANDLE handle;
	int rw;
	enum operation op;
	CK_ULONG hash;     /* size of the digest, 0 without a hash */
	CK_ULONG collected; /* bytes given in parts */
	int parts;
	unsigned login;    /* of a signature or a search: the login that it began in */
	CK_ULONG left;     /* of a search: objects not returned yet */
} sessions[MAX_SESSIONS];
static int open_sessions, initialised;
static enum { NOBODY, USER, OFFICER } who;
static unsigned login; /* changes with every login and logout */

static CK_FUNCTION_LIST *f;
static CK_SLOT_ID slot;
static CK_OBJECT_HANDLE certificate, public_key, private_key; /* private_key: 0 while not visible */
static CK_SESSION_HANDLE stale = 0x7FFFFFF0;
static CK_UTF8CHAR *pin, *puk;
static unsigned long calls, logins, verified;

/* The last calls. */
#define HISTORY 60
static char history[HISTORY][160];

static uint64_t seed;

static unsigned pick(unsigned n)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (unsigned)(seed >> 33) % n;
}

static void differ(CK_RV got, CK_RV want)
{
	unsigned long i;

	for (i = calls > HISTORY ? calls - HISTORY : 0; i < calls; i++)
		fprintf(stderr, "%s\n", history[i % HISTORY]);
	fprintf(stderr, "the last call returned 0x%lX, the model has 0x%lX\n", got, want);
	exit(1);
}

#define CALL(want, ...) \
	do { \
		snprintf(history[calls % HISTORY], sizeof history[0], __VA_ARGS__); \
		calls++; \
		expected = (want); \
	} while (0)

#define CHECK(call) \
	do { \
		CK_RV got_ = (call); \
		if (got_ != expected) \
			differ(got_, expected); \
	} while (0)

static CK_RV expected;

/* Returns a session of the model, or NULL with a handle that is none. */
static struct session *any_session(CK_SESSION_HANDLE *h)
{
	if (open_sessions == 0 || pick(20) == 0) {
		*h = pick(2) ? stale : pick(1u << 31);
		for (int i = 0; i < open_sessions; i++)
			if (sessions[i].handle == *h)
				*h = 0;
		return NULL;
	}
	struct session *s = &sessions[pick((unsigned)open_sessions)];
	*h = s->handle;
	return s;
}

/* Returns a session like any_session, but mostly one with this operation: else nearly every
 * call would be refused. */
static struct session *session_with(enum operation op, CK_SESSION_HANDLE *h)
{
	if (pick(4) != 0) {
		for (int i = 0; i < open_sessions; i++) {
			if (sessions[i].op == op) {
				*h = sessions[i].handle;
				return &sessions[i];
			}
		}
	}
	return any_session(h);
}

/* The result for a session that does not exist; CKR_OK if s does. */
static CK_RV no_session(const struct session *s)
{
	if (!initialised)
		return CKR_CRYPTOKI_NOT_INITIALIZED;
	return s == NULL ? CKR_SESSION_HANDLE_INVALID : CKR_OK;
}

/* A signature ends with the login in which it began. */
static enum operation active(struct session *s)
{
	if (s->op == SIGNING && s->login != login)
		s->op = NONE;
	return s->op;
}

static void log_out(void)
{
	who = NOBODY;
	login++;
	private_key = 0;
}

static void close_at(int i)
{
	stale = sessions[i].handle;
	sessions[i] = sessions[--open_sessions];
	if (open_sessions == 0 && who != NOBODY)
		log_out();
}

/* A program that starts while another one keeps the card busy may have to wait for the token. */
static void wait_for_token(void)
{
	int i;

	for (i = 0; i < 600; i++) {
		CK_SLOT_ID slots[16];
		CK_ULONG n = 16;

		MUST(f->C_GetSlotList(1, slots, &n));
		if (n == 1 && slots[0] == slot)
			return;
		usleep(100 * 1000);
	}
	fprintf(stderr, "no token\n");
	exit(2);
}

static void initialize(void)
{
	CALL(initialised ? CKR_ALREADY_INITIALIZED : CKR_OK, "C_Initialize");
	CHECK(f->C_Initialize(NULL));
	if (!initialised)
		wait_for_token();
	initialised = 1;
}

static void finalize(void)
{
	CALL(initialised ? CKR_OK : CKR_CRYPTOKI_NOT_INITIALIZED, "C_Finalize");
	CHECK(f->C_Finalize(NULL));
	while (open_sessions > 0)
		close_at(0);
	initialised = 0;
}

static void open_session(void)
{
	CK_FLAGS flags = (pick(12) ? CKF_SERIAL_SESSION : 0) | (pick(2) ? CKF_RW_SESSION : 0);
	CK_SLOT_ID where = pick(15) ? slot : slot + 99;
	CK_SESSION_HANDLE h = 0, *p = pick(20) ? &h : NULL;
	CK_RV want = CKR_OK;

	if (open_sessions == MAX_SESSIONS)
		return;
	if (!initialised)
		want = CKR_CRYPTOKI_NOT_INITIALIZED;
	else if (p == NULL)
		want = CKR_ARGUMENTS_BAD;
	else if (!(flags & CKF_SERIAL_SESSION))
		want = CKR_SESSION_PARALLEL_NOT_SUPPORTED;
	else if (where != slot)
		want = CKR_SLOT_ID_INVALID;
	else if (!(flags & CKF_RW_SESSION) && who == OFFICER)
		want = CKR_SESSION_READ_WRITE_SO_EXISTS;
	CALL(want, "C_OpenSession(%s, 0x%lX, %s)", where == slot ? "slot" : "no slot", flags, p ? "out" : "NULL");
	CHECK(f->C_OpenSession(where, flags, NULL, NULL, p));
	if (want != CKR_OK)
		return;
	for (int i = 0; i < open_sessions; i++)
		if (sessions[i].handle == h)
			differ(h, 0);
	sessions[open_sessions++] = (struct session){.handle = h, .rw = (flags & CKF_RW_SESSION) != 0};
	snprintf(history[calls % HISTORY], sizeof history[0], "  it is 0x%lX", h);
	calls++;
}

static void close_session(void)
{
	CK_SESSION_HANDLE h;
	struct session *s = any_session(&h);

	CALL(no_session(s), "C_CloseSession(0x%lX)", h);
	CHECK(f->C_CloseSession(h));
	if (s != NULL)
		close_at((int)(s - sessions));
}

static void close_all(void)
{
	CALL(initialised ? CKR_OK : CKR_CRYPTOKI_NOT_INITIALIZED, "C_CloseAllSessions");
	CHECK(f->C_CloseAllSessions(slot));
	while (open_sessions > 0)
		close_at(0);
}

static void session_info(void)
{
	CK_SESSION_HANDLE h;
	struct session *s = any_session(&h);
	CK_SESSION_INFO info;

	CALL(no_session(s), "C_GetSessionInfo(0x%lX)", h);
	CHECK(f->C_GetSessionInfo(h, &info));
	if (expected == CKR_OK) {
		CK_ULONG state = who == OFFICER ? 4 : who == USER ? (s->rw ? 3 : 1) : s->rw ? 2 : 0;

		if (info.state != state || info.slotID != slot || info.flags != (CKF_SERIAL_SESSION | (s->rw ? CKF_RW_SESSION : 0)))
			differ(info.state, state);
	}
}

/* Searches what random calls find rarely: the objects, in a session without an operation. */
static void learn_objects(struct session *s)
{
	if (active(s) != NONE)
		return;
	CALL(CKR_OK, "  objects by 0x%lX", s->handle);
	certificate = find(f, s->handle, CKO_CERTIFICATE);
	public_key = find(f, s->handle, CKO_PUBLIC_KEY);
	if (who == USER)
		private_key = find(f, s->handle, CKO_PRIVATE_KEY);
}

static void log_in(void)
{
	CK_SESSION_HANDLE h;
	struct session *s = any_session(&h);
	int officer = pick(8) == 0, read_only = 0;
	CK_ULONG type = officer ? CKU_SO : pick(30) ? CKU_USER : 7, n = pick(12) ? 8 : pick(8);
	CK_UTF8CHAR *code = officer ? puk : pin;
	CK_RV want = no_session(s);
	int i;

	for (i = 0; i < open_sessions; i++)
		read_only |= !sessions[i].rw;
	if (want == CKR_OK) {
		if (type != CKU_SO && type != CKU_USER)
			want = CKR_USER_TYPE_INVALID;
		else if (who == (officer ? OFFICER : USER))
			want = CKR_USER_ALREADY_LOGGED_IN;
		else if (who != NOBODY)
			want = CKR_USER_ANOTHER_ALREADY_LOGGED_IN;
		else if (officer && read_only)
			want = CKR_SESSION_READ_ONLY_EXISTS;
		else if (n != 8)
			want = CKR_PIN_LEN_RANGE;
	}
	CALL(want, "C_Login(0x%lX, %lu, %lu digits)", h, type, n);
	CHECK(f->C_Login(h, type, code, n));
	if (want == CKR_OK) {
		who = officer ? OFFICER : USER;
		login++;
		logins++;
		if (pick(3) != 0)
			learn_objects(s);
	}
}

static void log_off(void)
{
	CK_SESSION_HANDLE h;
	struct session *s = any_session(&h);
	CK_RV want = no_session(s);

	if (want == CKR_OK && who == NOBODY)
		want = CKR_USER_NOT_LOGGED_IN;
	CALL(want, "C_Logout(0x%lX)", h);
	CHECK(f->C_Logout(h));
	if (want == CKR_OK)
		log_out();
}

static void find_init(void)
{
	static CK_ULONG classes[] = {CKO_CERTIFICATE, CKO_PUBLIC_KEY, CKO_PRIVATE_KEY, 0};
	CK_SESSION_HANDLE h;
	struct session *s = session_with(NONE, &h);
	CK_ULONG class = classes[pick(4)];
	CK_ATTRIBUTE template[] = {{CKA_CLASS, &class, sizeof class}};
	CK_RV want = no_session(s);

	if (want == CKR_OK && active(s) != NONE)
		want = CKR_OPERATION_ACTIVE;
	CALL(want, "C_FindObjectsInit(0x%lX, class %lu)", h, class);
	CHECK(f->C_FindObjectsInit(h, template, 1));
	if (want == CKR_OK) {
		s->op = FINDING;
		s->left = class == 0 || (class == CKO_PRIVATE_KEY && who != USER) ? 0 : 1;
		s->hash = class;
		s->login = login;
	}
}

static void find_objects(void)
{
	CK_SESSION_HANDLE h;
	struct session *s = session_with(FINDING, &h);
	CK_OBJECT_HANDLE o[2] = {0};
	CK_ULONG n = 99;
	CK_RV want = no_session(s);

	if (want == CKR_OK && s->op != FINDING)
		want = CKR_OPERATION_NOT_INITIALIZED;
	CALL(want, "C_FindObjects(0x%lX)", h);
	CHECK(f->C_FindObjects(h, o, 2, &n));
	if (want != CKR_OK)
		return;
	if (n != s->left)
		differ(n, s->left);
	s->left = 0;
	if (n == 0)
		return;
	if (s->hash == CKO_CERTIFICATE)
		certificate = o[0];
	else if (s->hash == CKO_PUBLIC_KEY)
		public_key = o[0];
	else if (who == USER && s->login == login) /* else it is the handle of an earlier login */
		private_key = o[0];
}

static void find_final(void)
{
	CK_SESSION_HANDLE h;
	struct session *s = session_with(FINDING, &h);
	CK_RV want = no_session(s);

	if (want == CKR_OK && s->op != FINDING)
		want = CKR_OPERATION_NOT_INITIALIZED;
	CALL(want, "C_FindObjectsFinal(0x%lX)", h);
	CHECK(f->C_FindObjectsFinal(h));
	if (want == CKR_OK)
		s->op = NONE;
}

/* Begins a signature or a verification. */
static void key_init(enum operation op)
{
	static const struct {
		CK_MECHANISM_TYPE type;
		CK_ULONG hash;
	} mechanisms[] = {{CKM_RSA_PKCS, 0}, {CKM_SHA256_RSA_PKCS, 32}, {CKM_SHA512_RSA_PKCS, 64}, {CKM_RSA_X_509, 0}, {CKM_SHA256, 0}};
	unsigned i = pick(8) ? pick(3) : 3 + pick(2), kind = pick(4) ? (op == SIGNING ? 2 : 1) : pick(4);
	CK_OBJECT_HANDLE key = kind == 0 ? certificate : kind == 1 ? public_key : kind == 2 ? private_key : 12345;
	CK_SESSION_HANDLE h;
	struct session *s = session_with(NONE, &h);
	CK_MECHANISM m = {mechanisms[i].type, pick(15) ? NULL : (void *)"x", 0};
	CK_RV want = no_session(s);

	m.ulParameterLen = m.pParameter != NULL;
	if (want == CKR_OK) {
		if (active(s) != NONE)
			want = CKR_OPERATION_ACTIVE;
		else if (i > 2)
			want = CKR_MECHANISM_INVALID;
		else if (m.pParameter != NULL)
			want = CKR_MECHANISM_PARAM_INVALID;
		else if (key == 0 || kind == 0 || kind == 3)
			want = CKR_KEY_HANDLE_INVALID;
		else if (kind == (op == SIGNING ? 1 : 2))
			want = CKR_KEY_FUNCTION_NOT_PERMITTED;
	}
	CALL(want, "%s(0x%lX, 0x%lX, key %u)", op == SIGNING ? "C_SignInit" : "C_VerifyInit", h, m.mechanism, kind);
	CHECK(op == SIGNING ? f->C_SignInit(h, &m, key) : f->C_VerifyInit(h, &m, key));
	if (want == CKR_OK) {
		s->op = op;
		s->hash = mechanisms[i].hash;
		s->parts = 0;
		s->collected = 0;
		s->login = login;
	}
}

/* Why a signature that has begun is over; CKR_OK if it is not. */
static CK_RV signing(struct session *s)
{
	CK_RV want = no_session(s);

	if (want != CKR_OK)
		return want;
	if (s->op == SIGNING && s->login != login) {
		s->op = NONE;
		return who == USER ? CKR_OPERATION_NOT_INITIALIZED : CKR_USER_NOT_LOGGED_IN;
	}
	return s->op == SIGNING ? CKR_OK : CKR_OPERATION_NOT_INITIALIZED;
}

static CK_BYTE data[300];

/* Returns a length of data, of which some are too long for a signature without a hash. */
static CK_ULONG length(void)
{
	return pick(6) ? 1 + pick(MAX_SIGN) : 1 + pick(sizeof data);
}

/* Verifies in the same session, which has no operation. */
static void verify_signature(struct session *s, CK_ULONG hash, CK_ULONG n, CK_BYTE *signature)
{
	CK_MECHANISM m = {hash == 0 ? CKM_RSA_PKCS : hash == 32 ? CKM_SHA256_RSA_PKCS : CKM_SHA512_RSA_PKCS, NULL, 0};

	if (public_key == 0)
		return;
	CALL(CKR_OK, "C_VerifyInit of the signature");
	CHECK(f->C_VerifyInit(s->handle, &m, public_key));
	CALL(CKR_OK, "C_Verify of the signature");
	CHECK(f->C_Verify(s->handle, data, n, signature, SIGNATURE));
	verified++;
}

static void sign(void)
{
	CK_SESSION_HANDLE h;
	struct session *s = session_with(SIGNING, &h);
	CK_BYTE out[SIGNATURE];
	unsigned how = pick(5);
	CK_ULONG n = length(), size = how == 1 ? pick(SIGNATURE) : SIGNATURE, *p = how == 2 ? NULL : &size, hash = 0;
	CK_RV want = signing(s);
	int over = want == CKR_OK;

	if (want == CKR_OK) {
		hash = s->hash;
		if (p == NULL) {
			want = CKR_ARGUMENTS_BAD;
		} else if (s->parts) {
			want = CKR_OPERATION_NOT_INITIALIZED;
		} else if (how == 0 || how == 1) {
			want = how == 0 ? CKR_OK : CKR_BUFFER_TOO_SMALL;
			over = 0;
		} else if (hash == 0 && n > MAX_SIGN) {
			want = CKR_DATA_LEN_RANGE;
		}
	}
	CALL(want, "C_Sign(0x%lX, %lu bytes, way %u)", h, n, how);
	CHECK(f->C_Sign(h, data, n, how == 0 ? NULL : out, p));
	if (p != NULL && (want == CKR_OK || want == CKR_BUFFER_TOO_SMALL) && size != SIGNATURE)
		differ(size, SIGNATURE);
	if (over)
		s->op = NONE;
	if (over && want == CKR_OK)
		verify_signature(s, hash, n, out);
}

/* Gives a part of the data to an operation. The data of all parts are the beginning of data. */
static void update(enum operation op)
{
	CK_SESSION_HANDLE h;
	struct session *s = session_with(op, &h);
	CK_ULONG n = 1 + pick(40), limit = op == SIGNING ? MAX_SIGN : SIGNATURE - 11;
	CK_RV want = op == SIGNING ? signing(s) : no_session(s);
	CK_BYTE *from = data;

	if (want == CKR_OK && s->op != op)
		want = CKR_OPERATION_NOT_INITIALIZED;
	if (want == CKR_OK) {
		from += s->collected;
		if (s->collected + n > sizeof data)
			return;
		s->parts = 1;
		s->collected += n;
		if (op != DIGESTING && s->hash == 0 && s->collected > limit) {
			want = CKR_DATA_LEN_RANGE;
			s->op = NONE;
		}
	}
	CALL(want, "C_%sUpdate(0x%lX, %lu bytes)", op == SIGNING ? "Sign" : op == VERIFYING ? "Verify" : "Digest", h, n);
	CHECK(op == SIGNING ? f->C_SignUpdate(h, from, n) : op == VERIFYING ? f->C_VerifyUpdate(h, from, n) : f->C_DigestUpdate(h, from, n));
}

static void sign_final(void)
{
	CK_SESSION_HANDLE h;
	struct session *s = session_with(SIGNING, &h);
	CK_BYTE out[SIGNATURE];
	unsigned how = pick(5);
	CK_ULONG size = how == 1 ? pick(SIGNATURE) : SIGNATURE, hash = 0, n = 0;
	CK_RV want = signing(s);
	int over = want == CKR_OK;

	if (want == CKR_OK) {
		hash = s->hash;
		n = s->collected;
		if (how < 2) {
			want = how == 0 ? CKR_OK : CKR_BUFFER_TOO_SMALL;
			over = 0;
		} else if (hash == 0 && n == 0) {
			want = CKR_DATA_LEN_RANGE;
		}
	}
	CALL(want, "C_SignFinal(0x%lX, way %u)", h, how);
	CHECK(f->C_SignFinal(h, how == 0 ? NULL : out, &size));
	if ((want == CKR_OK || want == CKR_BUFFER_TOO_SMALL) && size != SIGNATURE)
		differ(size, SIGNATURE);
	if (over)
		s->op = NONE;
	if (over && want == CKR_OK)
		verify_signature(s, hash, n, out);
}

static void verify(void)
{
	CK_SESSION_HANDLE h;
	struct session *s = session_with(VERIFYING, &h);
	CK_BYTE wrong[SIGNATURE] = {1};
	CK_ULONG n = length(), size = pick(4) ? SIGNATURE : pick(SIGNATURE);
	int final = (int)pick(2);
	CK_RV want = no_session(s);

	if (want == CKR_OK && s->op != VERIFYING)
		want = CKR_OPERATION_NOT_INITIALIZED;
	if (want == CKR_OK) {
		s->op = NONE;
		if (!final && s->parts)
			want = CKR_OPERATION_NOT_INITIALIZED;
		else if (!final && s->hash == 0 && n > SIGNATURE - 11)
			want = CKR_DATA_LEN_RANGE;
		else
			want = size == SIGNATURE ? CKR_SIGNATURE_INVALID : CKR_SIGNATURE_LEN_RANGE;
	}
	CALL(want, "C_Verify%s(0x%lX, %lu bytes, signature of %lu)", final ? "Final" : "", h, n, size);
	CHECK(final ? f->C_VerifyFinal(h, wrong, size) : f->C_Verify(h, data, n, wrong, size));
}

static void digest_init(void)
{
	CK_SESSION_HANDLE h;
	struct session *s = session_with(NONE, &h);
	CK_MECHANISM m = {pick(10) ? (pick(2) ? CKM_SHA256 : CKM_SHA_1) : CKM_RSA_PKCS, NULL, 0};
	CK_RV want = no_session(s);

	if (want == CKR_OK && active(s) != NONE)
		want = CKR_OPERATION_ACTIVE;
	else if (want == CKR_OK && m.mechanism == CKM_RSA_PKCS)
		want = CKR_MECHANISM_INVALID;
	CALL(want, "C_DigestInit(0x%lX, 0x%lX)", h, m.mechanism);
	CHECK(f->C_DigestInit(h, &m));
	if (want == CKR_OK) {
		s->op = DIGESTING;
		s->hash = m.mechanism == CKM_SHA256 ? 32 : 20;
		s->parts = 0;
		s->collected = 0;
	}
}

static void digest(void)
{
	CK_SESSION_HANDLE h;
	struct session *s = session_with(DIGESTING, &h);
	CK_BYTE out[64];
	unsigned how = pick(4);
	int final = (int)pick(2);
	CK_ULONG n = length(), size = how == 1 ? pick(20) : sizeof out, want_size = 0;
	CK_RV want = no_session(s);

	if (want == CKR_OK && s->op != DIGESTING)
		want = CKR_OPERATION_NOT_INITIALIZED;
	if (want == CKR_OK) {
		want_size = s->hash;
		if (!final && s->parts) {
			want = CKR_OPERATION_NOT_INITIALIZED;
			s->op = NONE;
		} else if (how < 2) {
			want = how == 0 ? CKR_OK : CKR_BUFFER_TOO_SMALL;
		} else {
			s->op = NONE;
		}
	}
	CALL(want, "C_Digest%s(0x%lX, way %u)", final ? "Final" : "", h, how);
	CHECK(final ? f->C_DigestFinal(h, how == 0 ? NULL : out, &size) : f->C_Digest(h, data, n, how == 0 ? NULL : out, &size));
	if ((want == CKR_OK || want == CKR_BUFFER_TOO_SMALL) && size != want_size)
		differ(size, want_size);
}

static void get_attribute(void)
{
	CK_SESSION_HANDLE h;
	struct session *s = any_session(&h);
	CK_BYTE value[4096];
	unsigned kind = pick(4);
	CK_OBJECT_HANDLE o = kind == 0 ? certificate : kind == 1 ? public_key : kind == 2 ? private_key : 12345;
	CK_ATTRIBUTE a[] = {{kind == 0 ? CKA_VALUE : CKA_MODULUS, value, sizeof value}};
	CK_RV want = no_session(s);

	if (want == CKR_OK && (kind == 3 || o == 0))
		want = CKR_OBJECT_HANDLE_INVALID;
	CALL(want, "C_GetAttributeValue(0x%lX, object %u)", h, kind);
	CHECK(f->C_GetAttributeValue(h, o, a, 1));
	if (want == CKR_OK && (kind == 0 ? a[0].ulValueLen < 500 : a[0].ulValueLen != SIGNATURE))
		differ(a[0].ulValueLen, SIGNATURE);
}

static void set_pin(void)
{
	CK_SESSION_HANDLE h;
	struct session *s = any_session(&h);
	CK_RV want = no_session(s);

	if (want == CKR_OK && s->rw)
		return; /* the PIN stays as it is */
	if (want == CKR_OK)
		want = CKR_SESSION_READ_ONLY;
	CALL(want, "C_SetPIN(0x%lX)", h);
	CHECK(f->C_SetPIN(h, pin, 8, (CK_UTF8CHAR *)"27182818", 8));
}

static void one_call(void)
{
	unsigned n = pick(1000);

	if (n < 1)
		finalize();
	else if (n < 3 || (!initialised && n < 300))
		initialize();
	else if (n < 60)
		open_session();
	else if (n < 80)
		close_session();
	else if (n < 81)
		close_all();
	else if (n < 110)
		session_info();
	else if (n < 170)
		log_in();
	else if (n < 178)
		log_off();
	else if (n < 270)
		find_init();
	else if (n < 350)
		find_objects();
	else if (n < 430)
		find_final();
	else if (n < 540)
		key_init(SIGNING);
	else if (n < 610)
		sign();
	else if (n < 650)
		update(SIGNING);
	else if (n < 690)
		sign_final();
	else if (n < 740)
		key_init(VERIFYING);
	else if (n < 765)
		update(VERIFYING);
	else if (n < 830)
		verify();
	else if (n < 870)
		digest_init();
	else if (n < 890)
		update(DIGESTING);
	else if (n < 950)
		digest();
	else if (n < 990)
		get_attribute();
	else
		set_pin();
}

int main(int argc, char **argv)
{
	time_t end;
	unsigned long least;
	CK_SESSION_HANDLE s;

	if (argc != 7)
		return 2;
	pin = (CK_UTF8CHAR *)argv[2];
	puk = (CK_UTF8CHAR *)argv[3];
	seed = strtoull(argv[4], NULL, 10) * 0x9E3779B97F4A7C15u + 1;
	end = time(NULL) + atol(argv[5]);
	least = strtoul(argv[6], NULL, 10);
	for (size_t i = 0; i < sizeof data; i++)
		data[i] = (CK_BYTE)pick(256);

	/* The objects of a card are known after the first login. */
	f = function_list(open_library(argv[1]));
	MUST(f->C_Initialize(NULL));
	slot = token_slot(f);
	MUST(f->C_OpenSession(slot, CKF_SERIAL_SESSION, NULL, NULL, &s));
	MUST(f->C_Login(s, CKU_USER, pin, 8));
	certificate = find(f, s, CKO_CERTIFICATE);
	public_key = find(f, s, CKO_PUBLIC_KEY);
	MUST(f->C_CloseSession(s));
	initialised = 1;

	while (calls < least || time(NULL) < end) {
		one_call();
		/* Handles do not outlive the library's initialisation. */
		if (!initialised)
			certificate = public_key = private_key = 0;
	}
	printf("%lu %lu %lu\n", calls, logins, verified);
	return 0;
}
