// Package ck contains the numbers and plain types of Cryptoki (PKCS #11 v2.40 and the
// additions of v3.0), under the names of the standard. It does not depend on any token and
// needs no cgo.
package ck

// Object classes (4.2).
const (
	CKO_DATA        = 0x0
	CKO_CERTIFICATE = 0x1
	CKO_PUBLIC_KEY  = 0x2
	CKO_PRIVATE_KEY = 0x3
	CKO_SECRET_KEY  = 0x4
	CKO_PROFILE     = 0x9
)

// Attributes (4).
const (
	CKA_CLASS                      = 0x0
	CKA_TOKEN                      = 0x1
	CKA_PRIVATE                    = 0x2
	CKA_LABEL                      = 0x3
	CKA_VALUE                      = 0x11
	CKA_CERTIFICATE_TYPE           = 0x80
	CKA_ISSUER                     = 0x81
	CKA_SERIAL_NUMBER              = 0x82
	CKA_TRUSTED                    = 0x86
	CKA_CERTIFICATE_CATEGORY       = 0x87
	CKA_JAVA_MIDP_SECURITY_DOMAIN  = 0x88
	CKA_URL                        = 0x89
	CKA_HASH_OF_SUBJECT_PUBLIC_KEY = 0x8A
	CKA_HASH_OF_ISSUER_PUBLIC_KEY  = 0x8B
	CKA_CHECK_VALUE                = 0x90
	CKA_KEY_TYPE                   = 0x100
	CKA_SUBJECT                    = 0x101
	CKA_ID                         = 0x102
	CKA_SENSITIVE                  = 0x103
	CKA_ENCRYPT                    = 0x104
	CKA_DECRYPT                    = 0x105
	CKA_WRAP                       = 0x106
	CKA_UNWRAP                     = 0x107
	CKA_SIGN                       = 0x108
	CKA_SIGN_RECOVER               = 0x109
	CKA_VERIFY                     = 0x10A
	CKA_VERIFY_RECOVER             = 0x10B
	CKA_DERIVE                     = 0x10C
	CKA_START_DATE                 = 0x110
	CKA_END_DATE                   = 0x111
	CKA_MODULUS                    = 0x120
	CKA_MODULUS_BITS               = 0x121
	CKA_PUBLIC_EXPONENT            = 0x122
	CKA_PRIVATE_EXPONENT           = 0x123
	CKA_PRIME_1                    = 0x124
	CKA_PRIME_2                    = 0x125
	CKA_EXPONENT_1                 = 0x126
	CKA_EXPONENT_2                 = 0x127
	CKA_COEFFICIENT                = 0x128
	CKA_PUBLIC_KEY_INFO            = 0x129
	CKA_EXTRACTABLE                = 0x162
	CKA_LOCAL                      = 0x163
	CKA_NEVER_EXTRACTABLE          = 0x164
	CKA_ALWAYS_SENSITIVE           = 0x165
	CKA_KEY_GEN_MECHANISM          = 0x166
	CKA_MODIFIABLE                 = 0x170
	CKA_COPYABLE                   = 0x171
	CKA_DESTROYABLE                = 0x172
	CKA_ALWAYS_AUTHENTICATE        = 0x202
	CKA_WRAP_WITH_TRUSTED          = 0x210
	CKA_WRAP_TEMPLATE              = 0x40000211
	CKA_UNWRAP_TEMPLATE            = 0x40000212
	CKA_ALLOWED_MECHANISMS         = 0x40000600
	CKA_PROFILE_ID                 = 0x601
)

// Mechanisms: those of the module, and unsupported ones used in tests.
const (
	CKM_RSA_PKCS_KEY_PAIR_GEN = 0x0
	CKM_RSA_PKCS              = 0x1
	CKM_RSA_X_509             = 0x3
	CKM_RSA_PKCS_PSS          = 0xD
	CKM_SHA1_RSA_PKCS         = 0x6
	CKM_SHA224_RSA_PKCS       = 0x46
	CKM_SHA256_RSA_PKCS       = 0x40
	CKM_SHA384_RSA_PKCS       = 0x41
	CKM_SHA512_RSA_PKCS       = 0x42
	CKM_SHA256_RSA_PKCS_PSS   = 0x43
	CKM_SHA_1                 = 0x220
	CKM_SHA224                = 0x255
	CKM_SHA256                = 0x250
	CKM_SHA384                = 0x260
	CKM_SHA512                = 0x270
	CKM_AES_KEY_GEN           = 0x1080
)

// Flags. The standard (3) defines to which structure or function each belongs.
const (
	CKF_TOKEN_PRESENT                  = 0x1
	CKF_REMOVABLE_DEVICE               = 0x2
	CKF_HW_SLOT                        = 0x4
	CKF_RNG                            = 0x1
	CKF_WRITE_PROTECTED                = 0x2
	CKF_LOGIN_REQUIRED                 = 0x4
	CKF_USER_PIN_INITIALIZED           = 0x8
	CKF_PROTECTED_AUTHENTICATION_PATH  = 0x100
	CKF_DUAL_CRYPTO_OPERATIONS         = 0x200
	CKF_TOKEN_INITIALIZED              = 0x400
	CKF_USER_PIN_COUNT_LOW             = 0x10000
	CKF_USER_PIN_FINAL_TRY             = 0x20000
	CKF_USER_PIN_LOCKED                = 0x40000
	CKF_USER_PIN_TO_BE_CHANGED         = 0x80000
	CKF_SO_PIN_COUNT_LOW               = 0x100000
	CKF_SO_PIN_FINAL_TRY               = 0x200000
	CKF_SO_PIN_LOCKED                  = 0x400000
	CKF_SO_PIN_TO_BE_CHANGED           = 0x800000
	CKF_ERROR_STATE                    = 0x1000000
	CKF_RW_SESSION                     = 0x2
	CKF_SERIAL_SESSION                 = 0x4
	CKF_HW                             = 0x1
	CKF_MESSAGE_ENCRYPT                = 0x2
	CKF_MESSAGE_DECRYPT                = 0x4
	CKF_MESSAGE_SIGN                   = 0x8
	CKF_MESSAGE_VERIFY                 = 0x10
	CKF_FIND_OBJECTS                   = 0x40
	CKF_ENCRYPT                        = 0x100
	CKF_DECRYPT                        = 0x200
	CKF_DIGEST                         = 0x400
	CKF_SIGN                           = 0x800
	CKF_SIGN_RECOVER                   = 0x1000
	CKF_VERIFY                         = 0x2000
	CKF_VERIFY_RECOVER                 = 0x4000
	CKF_GENERATE                       = 0x8000
	CKF_GENERATE_KEY_PAIR              = 0x10000
	CKF_WRAP                           = 0x20000
	CKF_UNWRAP                         = 0x40000
	CKF_DERIVE                         = 0x80000
	CKF_LIBRARY_CANT_CREATE_OS_THREADS = 0x1
	CKF_OS_LOCKING_OK                  = 0x2
	CKF_DONT_BLOCK                     = 0x1
	CKF_INTERFACE_FORK_SAFE            = 0x1
)

// User types, session states, certificate and key types, profiles.
const (
	CKU_SO                        = 0x0
	CKU_USER                      = 0x1
	CKU_CONTEXT_SPECIFIC          = 0x2
	CKS_RO_PUBLIC_SESSION         = 0x0
	CKS_RO_USER_FUNCTIONS         = 0x1
	CKS_RW_PUBLIC_SESSION         = 0x2
	CKS_RW_USER_FUNCTIONS         = 0x3
	CKS_RW_SO_FUNCTIONS           = 0x4
	CKC_X_509                     = 0x0
	CKK_RSA                       = 0x0
	CKP_PUBLIC_CERTIFICATES_TOKEN = 0x4
)

// CertificateCategory values (4.6.3).
const (
	CK_CERTIFICATE_CATEGORY_UNSPECIFIED = 0
	CK_CERTIFICATE_CATEGORY_TOKEN_USER  = 1
	CK_CERTIFICATE_CATEGORY_AUTHORITY   = 2
)
