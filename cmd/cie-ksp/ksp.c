/* The key storage provider: handles, properties, and the table of functions that Windows calls.
 *
 * It contains no code that uses a card and opens no window: agent.c asks another process. So a
 * fault there does not end the browser, and the PIN is never in its memory. */
#include "ksp.h"

#define VERSION 0x00010000
#define MAX_OBJECTS 1024
#define MAX_CONTEXT 512 /* characters of NCRYPT_USE_CONTEXT_PROPERTY */

enum kind { PROVIDER = 1, PRIVATE_KEY = 2 };

struct object {
	LONG refs;
	enum kind kind;

	volatile LONG freed; /* a key that was freed while another thread uses it */
	SRWLOCK opening;     /* one thread opens a key again; taken before lock */
	SRWLOCK lock;        /* guards the following, and is not locked while the agent works */
	HWND window;
	WCHAR context[MAX_CONTEXT + 1];
	struct agent *agent; /* of a key */

	/* Of a key, constant but for public.number, which lock guards. */
	char container[MAX_CONTAINER + 1];
	WCHAR name[MAX_CONTAINER + 1];
	struct public_key public;
};

/* A handle is a number that is not used again soon: generation, place in the table, kind. A
 * wrong one is found without being used as a pointer. */
static struct {
	ULONG_PTR handle;
	struct object *object;
} objects[MAX_OBJECTS];
static ULONG generation = 0x5A17;
static SRWLOCK table_lock = SRWLOCK_INIT;

/* Memory that a caller releases with FreeBuffer. */
struct buffer {
	struct buffer *next;
	BYTE data[];
};
static struct buffer *buffers;
static SRWLOCK buffer_lock = SRWLOCK_INIT;

void *take_memory(SIZE_T size)
{
	return HeapAlloc(GetProcessHeap(), HEAP_ZERO_MEMORY, size);
}

void free_memory(void *p)
{
	if (p != NULL)
		HeapFree(GetProcessHeap(), 0, p);
}

static void *take_buffer(SIZE_T size)
{
	struct buffer *b = take_memory(sizeof *b + size);

	if (b == NULL)
		return NULL;
	AcquireSRWLockExclusive(&buffer_lock);
	b->next = buffers;
	buffers = b;
	ReleaseSRWLockExclusive(&buffer_lock);
	return b->data;
}

/* Finds a buffer, and takes it out of the list if it shall be freed. */
static struct buffer *find_buffer(const void *p, BOOL remove)
{
	struct buffer **b, *found;

	AcquireSRWLockExclusive(&buffer_lock);
	for (b = &buffers; *b != NULL && (*b)->data != p; b = &(*b)->next)
		;
	found = *b;
	if (found != NULL && remove)
		*b = found->next;
	ReleaseSRWLockExclusive(&buffer_lock);
	return found;
}

static STATUS add_object(struct object *o, ULONG_PTR *handle)
{
	STATUS status = NTE_NO_MEMORY;
	ULONG_PTR i;

	AcquireSRWLockExclusive(&table_lock);
	for (i = 0; i < MAX_OBJECTS; i++) {
		if (objects[i].object != NULL)
			continue;
		o->refs = 1;
		objects[i].object = o;
		objects[i].handle = (ULONG_PTR)++generation << 16 | i << 2 | o->kind;
		*handle = objects[i].handle;
		status = ERROR_SUCCESS;
		break;
	}
	ReleaseSRWLockExclusive(&table_lock);
	return status;
}

/* Returns the object of a handle, which the caller puts, or NULL. */
static struct object *get_object(ULONG_PTR handle, enum kind kind, BOOL remove)
{
	ULONG_PTR i = (handle & 0xFFFF) >> 2;
	struct object *o = NULL;

	AcquireSRWLockExclusive(&table_lock);
	if (i < MAX_OBJECTS && objects[i].object != NULL && objects[i].handle == handle && objects[i].object->kind == kind) {
		o = objects[i].object;
		if (remove)
			objects[i].object = NULL; /* the reference of the table is the caller's now */
		else
			o->refs++;
	}
	ReleaseSRWLockExclusive(&table_lock);
	return o;
}

static void put_object(struct object *o)
{
	BOOL last;

	AcquireSRWLockExclusive(&table_lock);
	last = --o->refs == 0;
	ReleaseSRWLockExclusive(&table_lock);
	if (!last)
		return;
	if (o->agent != NULL) {
		agent_close(o->agent, o->public.number);
		agent_put(o->agent);
	}
	free_memory(o);
}

static BOOL is_provider(PROV h)
{
	struct object *o = get_object(h, PROVIDER, FALSE);

	if (o != NULL)
		put_object(o);
	return o != NULL;
}

/* Copies a value to a caller, or only its size. */
static STATUS give(const void *value, DWORD size, PBYTE out, DWORD room, DWORD *result)
{
	if (result == NULL)
		return NTE_INVALID_PARAMETER;
	*result = size;
	if (out == NULL)
		return ERROR_SUCCESS;
	if (room < size)
		return NTE_BUFFER_TOO_SMALL;
	memcpy(out, value, size);
	return ERROR_SUCCESS;
}

static STATUS give_number(DWORD v, PBYTE out, DWORD room, DWORD *result)
{
	return give(&v, sizeof v, out, room, result);
}

static STATUS give_string(LPCWSTR s, PBYTE out, DWORD room, DWORD *result)
{
	return give(s, (lstrlenW(s) + 1) * sizeof *s, out, room, result);
}

static BOOL is(LPCWSTR a, LPCWSTR b)
{
	return wcscmp(a, b) == 0;
}

/* Providers */

static STATUS WINAPI OpenProvider(PROV *provider, LPCWSTR name, DWORD flags)
{
	struct object *o;
	STATUS status;

	if (provider == NULL || (name != NULL && !is(name, PROVIDER_NAME)))
		return NTE_INVALID_PARAMETER;
	*provider = 0;
	if ((flags & ~NCRYPT_SILENT_FLAG) != 0)
		return NTE_BAD_FLAGS;
	o = take_memory(sizeof *o);
	if (o == NULL)
		return NTE_NO_MEMORY;
	o->kind = PROVIDER;
	InitializeSRWLock(&o->lock);
	status = add_object(o, provider);
	if (status != ERROR_SUCCESS)
		free_memory(o);
	return status;
}

static STATUS WINAPI FreeProvider(PROV provider)
{
	struct object *o = get_object(provider, PROVIDER, TRUE);

	if (o == NULL)
		return NTE_INVALID_HANDLE;
	put_object(o);
	return ERROR_SUCCESS;
}

static STATUS give_context(struct object *o, PBYTE out, DWORD room, DWORD *result)
{
	STATUS status;

	AcquireSRWLockShared(&o->lock);
	status = o->context[0] == 0 ? NTE_NOT_FOUND : give_string(o->context, out, room, result);
	ReleaseSRWLockShared(&o->lock);
	return status;
}

static STATUS WINAPI GetProviderProperty(PROV provider, LPCWSTR name, PBYTE out, DWORD room, DWORD *result, DWORD flags)
{
	struct object *o = get_object(provider, PROVIDER, FALSE);
	STATUS status = NTE_NOT_SUPPORTED;

	if (o == NULL)
		return NTE_INVALID_HANDLE;
	if (name == NULL || result == NULL)
		status = NTE_INVALID_PARAMETER;
	else if (is(name, NCRYPT_IMPL_TYPE_PROPERTY))
		status = give_number(NCRYPT_IMPL_HARDWARE_FLAG | NCRYPT_IMPL_REMOVABLE_FLAG, out, room, result);
	else if (is(name, NCRYPT_NAME_PROPERTY))
		status = give_string(PROVIDER_NAME, out, room, result);
	else if (is(name, NCRYPT_VERSION_PROPERTY))
		status = give_number(VERSION, out, room, result);
	else if (is(name, NCRYPT_MAX_NAME_LENGTH_PROPERTY))
		status = give_number(MAX_CONTAINER, out, room, result);
	else if (is(name, NCRYPT_USE_CONTEXT_PROPERTY))
		status = give_context(o, out, room, result);
	put_object(o);
	return status;
}

/* Stores what a caller says about its questions: its window, and what they are for. The PIN
 * has no place here. */
static STATUS set_property(struct object *o, LPCWSTR name, PBYTE value, DWORD size)
{
	STATUS status = NTE_NOT_SUPPORTED;

	if (name == NULL || (value == NULL && size > 0))
		return NTE_INVALID_PARAMETER;
	AcquireSRWLockExclusive(&o->lock);
	if (is(name, NCRYPT_WINDOW_HANDLE_PROPERTY)) {
		status = NTE_INVALID_PARAMETER;
		if (size == sizeof o->window) {
			memcpy(&o->window, value, size);
			status = ERROR_SUCCESS;
		}
	} else if (is(name, NCRYPT_USE_CONTEXT_PROPERTY)) {
		status = NTE_INVALID_PARAMETER;
		if (size % sizeof(WCHAR) == 0 && size <= MAX_CONTEXT * sizeof(WCHAR)) {
			ZeroMemory(o->context, sizeof o->context);
			if (size > 0)
				memcpy(o->context, value, size);
			status = ERROR_SUCCESS;
		}
	}
	ReleaseSRWLockExclusive(&o->lock);
	return status;
}

static STATUS set_by_handle(ULONG_PTR handle, enum kind kind, LPCWSTR name, PBYTE value, DWORD size)
{
	struct object *o = get_object(handle, kind, FALSE);
	STATUS status;

	if (o == NULL)
		return NTE_INVALID_HANDLE;
	status = set_property(o, name, value, size);
	put_object(o);
	return status;
}

static STATUS WINAPI SetProviderProperty(PROV provider, LPCWSTR name, PBYTE value, DWORD size, DWORD flags)
{
	return set_by_handle(provider, PROVIDER, name, value, size);
}

static STATUS WINAPI IsAlgSupported(PROV provider, LPCWSTR name, DWORD flags)
{
	if (!is_provider(provider))
		return NTE_INVALID_HANDLE;
	if (name == NULL)
		return NTE_INVALID_PARAMETER;
	return is(name, BCRYPT_RSA_ALGORITHM) ? ERROR_SUCCESS : NTE_NOT_SUPPORTED;
}

static STATUS WINAPI EnumAlgorithms(PROV provider, DWORD operations, DWORD *count, NCryptAlgorithmName **list, DWORD flags)
{
	struct {
		NCryptAlgorithmName entry;
		WCHAR name[4];
	} *found;

	if (!is_provider(provider))
		return NTE_INVALID_HANDLE;
	if (count == NULL || list == NULL)
		return NTE_INVALID_PARAMETER;
	*count = 0;
	*list = NULL;
	if (operations != 0 && (operations & BCRYPT_SIGNATURE_OPERATION) == 0)
		return NTE_NOT_SUPPORTED;
	found = take_buffer(sizeof *found);
	if (found == NULL)
		return NTE_NO_MEMORY;
	lstrcpyW(found->name, BCRYPT_RSA_ALGORITHM);
	found->entry.pszName = found->name;
	found->entry.dwClass = NCRYPT_SIGNATURE_INTERFACE;
	found->entry.dwAlgOperations = BCRYPT_SIGNATURE_OPERATION;
	*count = 1;
	*list = &found->entry;
	return ERROR_SUCCESS;
}

static STATUS WINAPI FreeBuffer(PVOID p)
{
	struct buffer *b = find_buffer(p, TRUE);

	if (b == NULL)
		return NTE_INVALID_PARAMETER;
	free_memory(b);
	return ERROR_SUCCESS;
}

/* Certificates of this provider in the user's store */

/* Returns the name of the key if a certificate is one of this provider; the caller frees it. */
static CRYPT_KEY_PROV_INFO *key_of(PCCERT_CONTEXT cert)
{
	CRYPT_KEY_PROV_INFO *info = NULL;
	DWORD size = 0;

	if (CertGetCertificateContextProperty(cert, CERT_KEY_PROV_INFO_PROP_ID, NULL, &size) && size >= sizeof *info)
		info = take_memory(size);
	if (info != NULL && CertGetCertificateContextProperty(cert, CERT_KEY_PROV_INFO_PROP_ID, info, &size) &&
	    info->pwszProvName != NULL && info->pwszContainerName != NULL && is(info->pwszProvName, PROVIDER_NAME) &&
	    lstrlenW(info->pwszContainerName) <= MAX_CONTAINER)
		return info;
	free_memory(info);
	return NULL;
}

/* Finds the certificate of a container, or with container NULL that of a number; the caller
 * frees both results. */
static PCCERT_CONTEXT find_certificate(HCERTSTORE store, LPCWSTR container, DWORD number, CRYPT_KEY_PROV_INFO **info)
{
	PCCERT_CONTEXT cert = NULL;

	while ((cert = CertEnumCertificatesInStore(store, cert)) != NULL) {
		*info = key_of(cert);
		if (*info == NULL)
			continue;
		if (container != NULL ? is((*info)->pwszContainerName, container) : number-- == 0)
			return cert;
		free_memory(*info);
	}
	return NULL;
}

static HCERTSTORE open_store(void)
{
	return CertOpenStore(CERT_STORE_PROV_SYSTEM_W, 0, 0, CERT_SYSTEM_STORE_CURRENT_USER | CERT_STORE_READONLY_FLAG | CERT_STORE_OPEN_EXISTING_FLAG, L"MY");
}

static STATUS give_certificate(LPCWSTR container, PBYTE out, DWORD room, DWORD *result)
{
	HCERTSTORE store = open_store();
	CRYPT_KEY_PROV_INFO *info = NULL;
	PCCERT_CONTEXT cert;
	STATUS status = NTE_NOT_FOUND;

	if (store == NULL)
		return NTE_NOT_FOUND;
	cert = find_certificate(store, container, 0, &info);
	if (cert != NULL) {
		status = give(cert->pbCertEncoded, cert->cbCertEncoded, out, room, result);
		free_memory(info);
		CertFreeCertificateContext(cert);
	}
	CertCloseStore(store, 0);
	return status;
}

static STATUS give_key_name(LPCWSTR container, NCryptKeyName **name)
{
	struct {
		NCryptKeyName entry;
		WCHAR algorithm[4];
		WCHAR name[MAX_CONTAINER + 1];
	} *found = take_buffer(sizeof *found);

	if (found == NULL)
		return NTE_NO_MEMORY;
	lstrcpyW(found->algorithm, BCRYPT_RSA_ALGORITHM);
	lstrcpynW(found->name, container, MAX_CONTAINER + 1);
	found->entry.pszName = found->name;
	found->entry.pszAlgid = found->algorithm;
	*name = &found->entry;
	return ERROR_SUCCESS;
}

static STATUS WINAPI EnumKeys(PROV provider, LPCWSTR scope, NCryptKeyName **name, PVOID *state, DWORD flags)
{
	HCERTSTORE store;
	CRYPT_KEY_PROV_INFO *info = NULL;
	PCCERT_CONTEXT cert = NULL;
	STATUS status = NTE_NO_MORE_ITEMS;
	DWORD *number;

	if (!is_provider(provider))
		return NTE_INVALID_HANDLE;
	if (name == NULL || state == NULL || (scope != NULL && scope[0] != 0))
		return NTE_INVALID_PARAMETER;
	*name = NULL;
	if ((flags & NCRYPT_MACHINE_KEY_FLAG) != 0)
		return NTE_NO_MORE_ITEMS;
	if (*state == NULL && (*state = take_buffer(sizeof *number)) == NULL)
		return NTE_NO_MEMORY;
	if (find_buffer(*state, FALSE) == NULL)
		return NTE_INVALID_PARAMETER;
	number = *state;
	store = open_store();
	if (store != NULL)
		cert = find_certificate(store, NULL, *number, &info);
	if (cert != NULL) {
		status = give_key_name(info->pwszContainerName, name);
		if (status == ERROR_SUCCESS)
			++*number;
		free_memory(info);
		CertFreeCertificateContext(cert);
	}
	if (store != NULL)
		CertCloseStore(store, 0);
	return status;
}

/* Keys */

/* Returns the agent of a key, held, unless it has none that runs. */
static struct agent *held_agent(struct object *o)
{
	struct agent *agent;

	AcquireSRWLockShared(&o->lock);
	agent = o->agent;
	if (agent != NULL)
		agent_hold(agent);
	ReleaseSRWLockShared(&o->lock);
	if (agent != NULL && agent_lost(agent)) {
		agent_put(agent);
		agent = NULL;
	}
	return agent;
}

/* Opens a key in the agent of this process, which is held then. A key that was open before must
 * be the same key. o->opening must be held. */
static STATUS open_again(struct object *o, struct agent **agent)
{
	struct public_key public;
	struct agent *old;
	STATUS status;

	status = agent_get(agent);
	if (status != ERROR_SUCCESS)
		return status;
	status = agent_open(*agent, o->container, &public);
	if (status == ERROR_SUCCESS && o->public.size != 0 &&
	    (public.size != o->public.size || public.exponent != o->public.exponent || memcmp(public.modulus, o->public.modulus, public.size) != 0)) {
		agent_close(*agent, public.number);
		status = NTE_BAD_KEYSET;
	}
	if (status != ERROR_SUCCESS) {
		agent_put(*agent);
		return status;
	}
	agent_hold(*agent);
	AcquireSRWLockExclusive(&o->lock);
	old = o->agent;
	o->agent = *agent;
	if (o->public.size == 0)
		o->public = public;
	else
		o->public.number = public.number;
	ReleaseSRWLockExclusive(&o->lock);
	if (old != NULL)
		agent_put(old);
	return ERROR_SUCCESS;
}

/* Makes sure that the agent of a key is there, and returns it, held. */
static STATUS need_agent(struct object *o, struct agent **agent)
{
	STATUS status = ERROR_SUCCESS;

	AcquireSRWLockExclusive(&o->opening);
	*agent = held_agent(o);
	if (*agent == NULL)
		status = open_again(o, agent);
	ReleaseSRWLockExclusive(&o->opening);
	return status;
}

static STATUS WINAPI OpenKey(PROV provider, KEY *key, LPCWSTR name, DWORD spec, DWORD flags)
{
	struct object *o, *from;
	struct agent *agent;
	STATUS status;
	int i, n;

	from = get_object(provider, PROVIDER, FALSE);
	if (from == NULL)
		return NTE_INVALID_HANDLE;
	o = take_memory(sizeof *o);
	status = o == NULL ? NTE_NO_MEMORY : ERROR_SUCCESS;
	if (status == ERROR_SUCCESS && (key == NULL || name == NULL))
		status = NTE_INVALID_PARAMETER;
	if (status == ERROR_SUCCESS) {
		*key = 0;
		n = lstrlenW(name);
		if ((flags & ~NCRYPT_SILENT_FLAG) != 0)
			status = NTE_BAD_FLAGS;
		else if (n == 0 || n > MAX_CONTAINER)
			status = NTE_BAD_KEYSET;
		for (i = 0; status == ERROR_SUCCESS && i < n; i++) {
			if (name[i] < 0x20 || name[i] > 0x7E)
				status = NTE_BAD_KEYSET; /* no key has such a name */
			o->name[i] = name[i];
			o->container[i] = (char)name[i];
		}
	}
	if (status == ERROR_SUCCESS) {
		o->kind = PRIVATE_KEY;
		InitializeSRWLock(&o->opening);
		InitializeSRWLock(&o->lock);
		AcquireSRWLockShared(&from->lock);
		o->window = from->window;
		ReleaseSRWLockShared(&from->lock);
		status = need_agent(o, &agent);
		if (status == ERROR_SUCCESS)
			agent_put(agent);
	}
	if (status == ERROR_SUCCESS)
		status = add_object(o, key);
	if (status != ERROR_SUCCESS && o != NULL) {
		o->refs = 1;
		put_object(o);
	}
	put_object(from);
	return status;
}

static STATUS WINAPI FreeKey(PROV provider, KEY key)
{
	struct object *o = get_object(key, PRIVATE_KEY, TRUE);
	struct agent *agent;

	if (o == NULL)
		return NTE_INVALID_HANDLE;
	/* A signature in another thread ends: no caller waits for it. */
	InterlockedExchange(&o->freed, 1);
	agent = held_agent(o);
	if (agent != NULL) {
		agent_cancel(agent, &o->freed);
		agent_put(agent);
	}
	put_object(o);
	return ERROR_SUCCESS;
}

static STATUS give_key_property(struct object *o, LPCWSTR name, PBYTE out, DWORD room, DWORD *result)
{
	const DWORD bits = 8 * o->public.size;
	const NCRYPT_SUPPORTED_LENGTHS lengths = {bits, bits, 0, bits};

	if (is(name, NCRYPT_ALGORITHM_PROPERTY) || is(name, NCRYPT_ALGORITHM_GROUP_PROPERTY))
		return give_string(BCRYPT_RSA_ALGORITHM, out, room, result);
	if (is(name, NCRYPT_LENGTH_PROPERTY))
		return give_number(bits, out, room, result);
	if (is(name, NCRYPT_LENGTHS_PROPERTY))
		return give(&lengths, sizeof lengths, out, room, result);
	if (is(name, NCRYPT_BLOCK_LENGTH_PROPERTY))
		return give_number(o->public.size, out, room, result);
	if (is(name, NCRYPT_KEY_USAGE_PROPERTY))
		return give_number(NCRYPT_ALLOW_SIGNING_FLAG, out, room, result);
	if (is(name, NCRYPT_EXPORT_POLICY_PROPERTY) || is(name, NCRYPT_KEY_TYPE_PROPERTY))
		return give_number(0, out, room, result);
	if (is(name, NCRYPT_NAME_PROPERTY) || is(name, NCRYPT_UNIQUE_NAME_PROPERTY))
		return give_string(o->name, out, room, result);
	if (is(name, NCRYPT_READER_PROPERTY))
		return o->public.reader[0] == 0 ? NTE_NOT_FOUND : give_string(o->public.reader, out, room, result);
	if (is(name, NCRYPT_CERTIFICATE_PROPERTY))
		return give_certificate(o->name, out, room, result);
	if (is(name, NCRYPT_USE_CONTEXT_PROPERTY))
		return give_context(o, out, room, result);
	return NTE_NOT_SUPPORTED;
}

static STATUS WINAPI GetKeyProperty(PROV provider, KEY key, LPCWSTR name, PBYTE out, DWORD room, DWORD *result, DWORD flags)
{
	struct object *o;
	STATUS status;

	if (!is_provider(provider))
		return NTE_INVALID_HANDLE;
	o = get_object(key, PRIVATE_KEY, FALSE);
	if (o == NULL)
		return NTE_INVALID_HANDLE;
	status = name == NULL || result == NULL ? NTE_INVALID_PARAMETER : give_key_property(o, name, out, room, result);
	put_object(o);
	return status;
}

static STATUS WINAPI SetKeyProperty(PROV provider, KEY key, LPCWSTR name, PBYTE value, DWORD size, DWORD flags)
{
	if (!is_provider(provider))
		return NTE_INVALID_HANDLE;
	return set_by_handle(key, PRIVATE_KEY, name, value, size);
}

static STATUS WINAPI ExportKey(PROV provider, KEY key, KEY wrapping, LPCWSTR type, NCryptBufferDesc *parameters, PBYTE out, DWORD room, DWORD *result, DWORD flags)
{
	struct {
		BCRYPT_RSAKEY_BLOB head;
		BYTE rest[4 + MAX_MODULUS];
	} blob;
	struct object *o;
	STATUS status = NTE_NOT_SUPPORTED;
	ULONG exponent;
	DWORD n = 0;

	if (!is_provider(provider))
		return NTE_INVALID_HANDLE;
	o = get_object(key, PRIVATE_KEY, FALSE);
	if (o == NULL)
		return NTE_INVALID_HANDLE;
	if (type == NULL || result == NULL) {
		status = NTE_INVALID_PARAMETER;
	} else if (wrapping == 0 && (is(type, BCRYPT_RSAPUBLIC_BLOB) || is(type, BCRYPT_PUBLIC_KEY_BLOB))) {
		exponent = o->public.exponent;
		for (n = 4; n > 1 && (exponent >> 8 * (n - 1)) == 0; n--)
			;
		blob.head.Magic = BCRYPT_RSAPUBLIC_MAGIC;
		blob.head.BitLength = 8 * o->public.size;
		blob.head.cbPublicExp = n;
		blob.head.cbModulus = o->public.size;
		blob.head.cbPrime1 = blob.head.cbPrime2 = 0;
		for (DWORD i = 0; i < n; i++)
			blob.rest[i] = (BYTE)(exponent >> 8 * (n - 1 - i));
		memcpy(blob.rest + n, o->public.modulus, o->public.size);
		status = give(&blob, sizeof blob.head + n + o->public.size, out, room, result);
	}
	put_object(o);
	return status;
}

/* Finds the number of the protocol for a hash and checks the length of its value. */
static STATUS hash_number(const BCRYPT_PKCS1_PADDING_INFO *padding, DWORD size, BYTE *number)
{
	static const struct {
		LPCWSTR name;
		DWORD size;
	} hashes[] = {{BCRYPT_SHA1_ALGORITHM, 20}, {BCRYPT_SHA256_ALGORITHM, 32}, {BCRYPT_SHA384_ALGORITHM, 48}, {BCRYPT_SHA512_ALGORITHM, 64}};
	BYTE i;

	if (padding == NULL)
		return NTE_INVALID_PARAMETER;
	*number = 0;
	if (padding->pszAlgId == NULL) /* the value is a whole DigestInfo */
		return size == 0 || size > MAX_SIGN ? NTE_BAD_LEN : ERROR_SUCCESS;
	for (i = 0; i < 4; i++) {
		if (!is(padding->pszAlgId, hashes[i].name))
			continue;
		*number = (BYTE)(i + 1);
		return size == hashes[i].size ? ERROR_SUCCESS : NTE_BAD_LEN;
	}
	return NTE_NOT_SUPPORTED;
}

static STATUS sign(struct object *o, BYTE hash, const BYTE *data, DWORD size, BYTE *signature, BOOL silent)
{
	struct agent *agent;
	struct public_key public;
	HWND window;
	STATUS status;

	status = need_agent(o, &agent);
	if (status != ERROR_SUCCESS)
		return status;
	AcquireSRWLockShared(&o->lock);
	public = o->public;
	window = o->window;
	ReleaseSRWLockShared(&o->lock);
	status = agent_sign(agent, &o->freed, &public, window, silent, hash, data, size, signature);
	agent_put(agent);
	return status;
}

static STATUS WINAPI SignHash(PROV provider, KEY key, VOID *padding, PBYTE hash, DWORD hash_size, PBYTE signature, DWORD room, DWORD *result, DWORD flags)
{
	struct object *o;
	STATUS status;
	BYTE number;

	if (!is_provider(provider))
		return NTE_INVALID_HANDLE;
	o = get_object(key, PRIVATE_KEY, FALSE);
	if (o == NULL)
		return NTE_INVALID_HANDLE;
	if (hash == NULL || result == NULL)
		status = NTE_INVALID_PARAMETER;
	else if ((flags & (BCRYPT_PAD_NONE | BCRYPT_PAD_PKCS1 | BCRYPT_PAD_OAEP | BCRYPT_PAD_PSS)) != BCRYPT_PAD_PKCS1)
		status = NTE_NOT_SUPPORTED; /* the chip pads itself (IAS ECC 9.5.6) */
	else if ((flags & ~(BCRYPT_PAD_PKCS1 | NCRYPT_SILENT_FLAG)) != 0)
		status = NTE_BAD_FLAGS;
	else
		status = hash_number(padding, hash_size, &number);
	if (status == ERROR_SUCCESS) {
		*result = o->public.size;
		if (signature != NULL && room < o->public.size)
			status = NTE_BUFFER_TOO_SMALL;
		else if (signature != NULL)
			status = sign(o, number, hash, hash_size, signature, (flags & NCRYPT_SILENT_FLAG) != 0);
	}
	put_object(o);
	return status;
}

/* What a card issued by the state does not do. */

static STATUS WINAPI CreatePersistedKey(PROV p, KEY *k, LPCWSTR a, LPCWSTR n, DWORD s, DWORD f) { return NTE_NOT_SUPPORTED; }
static STATUS WINAPI FinalizeKey(PROV p, KEY k, DWORD f) { return NTE_NOT_SUPPORTED; }
static STATUS WINAPI DeleteKey(PROV p, KEY k, DWORD f) { return NTE_NOT_SUPPORTED; }
static STATUS WINAPI Crypt(PROV p, KEY k, PBYTE i, DWORD n, VOID *v, PBYTE o, DWORD m, DWORD *r, DWORD f) { return NTE_NOT_SUPPORTED; }
static STATUS WINAPI ImportKey(PROV p, KEY w, LPCWSTR t, NCryptBufferDesc *d, KEY *k, PBYTE b, DWORD n, DWORD f) { return NTE_NOT_SUPPORTED; }
static STATUS WINAPI VerifySignature(PROV p, KEY k, VOID *v, PBYTE h, DWORD n, PBYTE s, DWORD m, DWORD f) { return NTE_NOT_SUPPORTED; }
static STATUS WINAPI PromptUser(PROV p, KEY k, LPCWSTR o, DWORD f) { return NTE_NOT_SUPPORTED; }
static STATUS WINAPI NotifyChangeKey(PROV p, HANDLE *e, DWORD f) { return NTE_NOT_SUPPORTED; }
static STATUS WINAPI SecretAgreement(PROV p, KEY a, KEY b, NCRYPT_SECRET_HANDLE *s, DWORD f) { return NTE_NOT_SUPPORTED; }
static STATUS WINAPI DeriveKey(PROV p, NCRYPT_SECRET_HANDLE s, LPCWSTR k, NCryptBufferDesc *d, PBYTE o, DWORD n, DWORD *r, ULONG f) { return NTE_NOT_SUPPORTED; }
static STATUS WINAPI FreeSecret(PROV p, NCRYPT_SECRET_HANDLE s) { return NTE_NOT_SUPPORTED; }

static struct table functions = {
	NCRYPT_KEY_STORAGE_INTERFACE_VERSION,
	OpenProvider, OpenKey, CreatePersistedKey, GetProviderProperty, GetKeyProperty, SetProviderProperty, SetKeyProperty,
	FinalizeKey, DeleteKey, FreeProvider, FreeKey, FreeBuffer, Crypt, Crypt, IsAlgSupported, EnumAlgorithms, EnumKeys,
	ImportKey, ExportKey, SignHash, VerifySignature, PromptUser, NotifyChangeKey, SecretAgreement, DeriveKey, FreeSecret,
};

__declspec(dllexport) NTSTATUS WINAPI GetKeyStorageInterface(LPCWSTR name, struct table **table, DWORD flags)
{
	if (table == NULL)
		return (NTSTATUS)0xC000000D; /* STATUS_INVALID_PARAMETER */
	*table = &functions;
	return 0;
}

BOOL WINAPI DllMain(HINSTANCE library, DWORD reason, LPVOID ending)
{
	if (reason == DLL_PROCESS_ATTACH)
		DisableThreadLibraryCalls(library);
	/* At the end of the process the system closes the pipes. */
	if (reason == DLL_PROCESS_DETACH && ending == NULL)
		agent_drop();
	return TRUE;
}
