#include "net/tls_testing.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <memory>
#include <stdexcept>

namespace holdfast::net::test {
namespace {

template <class T, void (*kFree)(T*)>
struct Freeing {
  void operator()(T* what) const { kFree(what); }
};
using Key = std::unique_ptr<EVP_PKEY, Freeing<EVP_PKEY, EVP_PKEY_free>>;
using Certificate = std::unique_ptr<X509, Freeing<X509, X509_free>>;

void need(bool done, const char* what) {
  if (!done) throw std::runtime_error(what);
}

void add_extension(X509& certificate, int kind, const std::string& value) {
  X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, nullptr, kind, value.c_str());
  need(extension != nullptr, "an extension of the certificate");
  const bool added = X509_add_ext(&certificate, extension, -1) == 1;
  X509_EXTENSION_free(extension);
  need(added, "an extension of the certificate");
}

Certificate certificate_of(EVP_PKEY& key, const std::string& name) {
  Certificate made(X509_new());
  X509_set_version(made.get(), X509_VERSION_3);
  ASN1_INTEGER_set(X509_get_serialNumber(made.get()), 1);
  X509_gmtime_adj(X509_getm_notBefore(made.get()), -60);
  X509_gmtime_adj(X509_getm_notAfter(made.get()), 24L * 3600);
  X509_set_pubkey(made.get(), &key);
  X509_NAME* subject = X509_get_subject_name(made.get());
  X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8,
                             reinterpret_cast<const unsigned char*>(name.c_str()), -1, -1, 0);
  X509_set_issuer_name(made.get(), subject);
  add_extension(*made, NID_subject_alt_name, "DNS:" + name + ",IP:127.0.0.1");
  add_extension(*made, NID_basic_constraints, "critical,CA:TRUE");
  need(X509_sign(made.get(), &key, EVP_sha256()) > 0, "the signature of the certificate");
  return made;
}

template <class Write>
void write_pem(const std::string& path, Write write) {
  BIO* file = BIO_new_file(path.c_str(), "w");
  need(file != nullptr, "a file for PEM");
  const bool written = write(file) == 1;
  BIO_free(file);
  need(written, "PEM");
}

}  // namespace

TlsFiles self_signed(const std::filesystem::path& folder, const std::string& name) {
  const Key key(EVP_EC_gen("P-256"));
  need(key != nullptr, "a key");
  const Certificate certificate = certificate_of(*key, name);
  TlsFiles files{.certificate = folder / (name + ".pem"), .key = folder / (name + ".key")};
  write_pem(files.certificate, [&](BIO* out) { return PEM_write_bio_X509(out, certificate.get()); });
  write_pem(files.key, [&](BIO* out) {
    return PEM_write_bio_PrivateKey(out, key.get(), nullptr, nullptr, 0, nullptr, nullptr);
  });
  return files;
}

}  // namespace holdfast::net::test
