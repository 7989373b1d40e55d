/* SPDX-License-Identifier: Apache-2.0 */
// The clang backend: compiles C in memory to LLVM IR, optimises it with a short pass pipeline, emits an object in
// memory, and links objects with ORC. Built as a separate shared object (see shim.c), against any of LLVM 14 to 19.
#include <clang/Basic/Diagnostic.h>
#include <clang/Basic/Version.h>
#include <clang/CodeGen/CodeGenAction.h>
#include <clang/Frontend/CompilerInstance.h>
#include <clang/Frontend/CompilerInvocation.h>
#include <clang/Frontend/TextDiagnosticPrinter.h>
#include <clang/Frontend/Utils.h>
#include <llvm/Analysis/AliasAnalysis.h>
#include <llvm/Analysis/TargetLibraryInfo.h>
#include <llvm/Analysis/TargetTransformInfo.h>
#include <llvm/Config/llvm-config.h>
#include <llvm/ExecutionEngine/Orc/ExecutionUtils.h>
#include <llvm/ExecutionEngine/Orc/LLJIT.h>
#include <llvm/ExecutionEngine/Orc/RTDyldObjectLinkingLayer.h>
#include <llvm/ExecutionEngine/SectionMemoryManager.h>
#include <llvm/IR/DiagnosticHandler.h>
#include <llvm/IR/DiagnosticInfo.h>
#include <llvm/IR/DiagnosticPrinter.h>
#include <llvm/IR/LegacyPassManager.h>
#include <llvm/MC/TargetRegistry.h>
#include <llvm/Passes/PassBuilder.h>
#include <llvm/Support/TargetSelect.h>
#include <llvm/Support/VirtualFileSystem.h>
#include <llvm/Target/TargetMachine.h>
#include <llvm/Target/TargetOptions.h>
#include <mutex>
#include <sys/mman.h>
#if LLVM_VERSION_MAJOR >= 17
#include <llvm/TargetParser/Host.h>
#else
#include <llvm/Support/Host.h>
#endif
#if LLVM_VERSION_MAJOR >= 18
#define LANG(how) (how).getLangOpts()
#define LEVEL(name) llvm::CodeGenOptLevel::name
#define OBJECT_FILE llvm::CodeGenFileType::ObjectFile
#else
#define LANG(how) (*(how).getLangOpts())
#define LEVEL(name) llvm::CodeGenOpt::name
#define OBJECT_FILE llvm::CGFT_ObjectFile
#endif

extern "C" {
#include "codegen/jit/backend.h"
}

namespace {

// The two headers that generated C includes, so that none need to be installed.
const char FOLDER[] = "/gradc",
           STDDEF[] = "#pragma once\n#define NULL ((void *)0)\n#define offsetof(t, m) __builtin_offsetof(t, m)\n"
                      "typedef __SIZE_TYPE__ size_t;\ntypedef __PTRDIFF_TYPE__ ptrdiff_t;\n";
const char STDINT[] =
  "#pragma once\n"
  "typedef __INT8_TYPE__ int8_t;\ntypedef __INT16_TYPE__ int16_t;\ntypedef __INT32_TYPE__ int32_t;\n"
  "typedef __INT64_TYPE__ int64_t;\ntypedef __UINT8_TYPE__ uint8_t;\ntypedef __UINT16_TYPE__ uint16_t;\n"
  "typedef __UINT32_TYPE__ uint32_t;\ntypedef __UINT64_TYPE__ uint64_t;\n"
  "typedef __INTPTR_TYPE__ intptr_t;\ntypedef __UINTPTR_TYPE__ uintptr_t;\n";

void init_targets() {
  static std::once_flag once;
  std::call_once(once, [] {
    llvm::InitializeNativeTarget();
    llvm::InitializeNativeTargetAsmPrinter();
    llvm::InitializeNativeTargetAsmParser();
  });
}

bool fail(JitError *error, JitFault fault, const std::string &why) {
  *error = {fault, strdup(why.c_str())};
  return false;
}

JitBlob blob_of(llvm::StringRef s) {
  JitBlob b = {static_cast<char *>(malloc(s.size() + 1)), s.size()};
  if (b.p) memcpy(b.p, s.data(), s.size());
  return b;
}

// The pass pipeline of -O1, the default level. Generated C has its vectors and register tiles written out, so that with
// this pipeline it runs as fast as with cc -O3; LLVM's own -O1 takes three times as long to compile.
#define PASSES_WITH(combine) \
  "function(sroa,early-cse),cgscc(inline),function(sroa,early-cse,simplifycfg," combine \
  ",loop-mssa(loop-rotate,licm),loop-vectorize,early-cse,simplifycfg)"
const char PASSES[] = PASSES_WITH("instcombine");
// In some versions instcombine, when named in a pipeline, fails unless it reaches its fixpoint in one iteration.
const char PASSES_NO_FIXPOINT_CHECK[] = PASSES_WITH("instcombine<no-verify-fixpoint>");

std::vector<const char *> words_of(const JitJob *job, const JitUnit &u) {
  std::vector<const char *> w = {"clang",     "-O1",      "-fPIC", "-fno-asynchronous-unwind-tables",
                                 "-nostdinc", "-isystem", FOLDER};
#ifdef GRADC_RESOURCE // has <arm_neon.h>
  w.insert(w.end(), {"-isystem", GRADC_RESOURCE "/include"});
#endif
  w.insert(w.end(), job->flags, job->flags + job->nflags);
  w.insert(w.end(), u.flags, u.flags + u.nflags);
  w.insert(w.end(), {"-c", "-x", "c", "unit.c"});
  return w;
}

using Diagnostics = llvm::IntrusiveRefCntPtr<clang::DiagnosticsEngine>;

std::shared_ptr<clang::CompilerInvocation> invocation(const std::vector<const char *> &words, Diagnostics diags,
                                                      llvm::IntrusiveRefCntPtr<llvm::vfs::FileSystem> files) {
#if LLVM_VERSION_MAJOR >= 15
  clang::CreateInvocationOptions o;
  o.Diags = diags;
  o.VFS = files;
  return clang::createInvocation(words, o);
#else
  return clang::createInvocationFromCommandLine(words, diags, files);
#endif
}

std::unique_ptr<llvm::TargetMachine> machine_for(const clang::CompilerInvocation &how, std::string &why) {
  const auto &to = how.getTargetOpts();
  auto mode = LANG(how).getDefaultFPContractMode();
  auto *target = llvm::TargetRegistry::lookupTarget(to.Triple, why);
  if (!target) return nullptr;
  llvm::TargetOptions o;
  o.AllowFPOpFusion = mode == clang::LangOptions::FPM_Fast ? llvm::FPOpFusion::Fast : llvm::FPOpFusion::Standard;
  auto level = how.getCodeGenOpts().OptimizationLevel;
  return std::unique_ptr<llvm::TargetMachine>(
    target->createTargetMachine(to.Triple, to.CPU, llvm::join(to.Features, ","), o, llvm::Reloc::PIC_, {},
                                level == 0   ? LEVEL(None)
                                : level == 1 ? LEVEL(Less)
                                             : LEVEL(Default)));
}

// Collects the errors of the passes. Remarks and warnings are dropped: they are about generated code. The default
// handler would print everything and end the process at an error.
struct Listener : llvm::DiagnosticHandler {
  std::string &errors;
  explicit Listener(std::string &to) : errors(to) {}
  bool handleDiagnostics(const llvm::DiagnosticInfo &what) override {
    if (what.getSeverity() != llvm::DS_Error) return true;
    llvm::raw_string_ostream to(errors);
    llvm::DiagnosticPrinterRawOStream printer(to);
    what.print(printer);
    to << "\n";
    return true;
  }
};

// Runs the passes and writes the object. Returns an error message, or "".
std::string emit(llvm::Module &m, const clang::CompilerInvocation &how, llvm::SmallVectorImpl<char> &object) {
  std::string why;
  auto machine = machine_for(how, why);
  if (!machine) return why;
  m.getContext().setDiagnosticHandler(std::make_unique<Listener>(why));
  auto level = how.getCodeGenOpts().OptimizationLevel;
  llvm::LoopAnalysisManager loops;
  llvm::FunctionAnalysisManager functions;
  llvm::CGSCCAnalysisManager groups;
  llvm::ModuleAnalysisManager modules;
  llvm::PassBuilder builder(machine.get());
  functions.registerPass([&] { return builder.buildDefaultAAPipeline(); });
  builder.registerModuleAnalyses(modules);
  builder.registerCGSCCAnalyses(groups);
  builder.registerFunctionAnalyses(functions);
  builder.registerLoopAnalyses(loops);
  builder.crossRegisterProxies(loops, functions, groups, modules);
  llvm::ModulePassManager passes;
  std::string text = level == 1 ? PASSES_NO_FIXPOINT_CHECK : "default<O" + std::to_string(level) + ">";
  auto refused = builder.parsePassPipeline(passes, text);
  if (refused && level == 1) {
    llvm::consumeError(std::move(refused));
    passes = llvm::ModulePassManager();
    refused = builder.parsePassPipeline(passes, PASSES);
  }
  if (refused) return llvm::toString(std::move(refused));
  passes.run(m, modules);

  llvm::raw_svector_ostream to(object);
  llvm::legacy::PassManager writing;
  writing.add(new llvm::TargetLibraryInfoWrapperPass(machine->getTargetTriple()));
  writing.add(llvm::createTargetTransformInfoWrapperPass(machine->getTargetIRAnalysis()));
  if (machine->addPassesToEmitFile(writing, to, nullptr, OBJECT_FILE)) return "no objects for this machine";
  writing.run(m);
  return why;
}

bool compile(const JitJob *job, int unit, JitBlob *out, JitError *error) {
  const JitUnit &u = job->unit[unit];
  std::string said;
  llvm::raw_string_ostream log(said);
  auto *options = new clang::DiagnosticOptions;
  auto *printer = new clang::TextDiagnosticPrinter(log, options);
  Diagnostics diags = clang::CompilerInstance::createDiagnostics(options, printer, true);
  llvm::IntrusiveRefCntPtr<llvm::vfs::InMemoryFileSystem> memory(new llvm::vfs::InMemoryFileSystem);
  llvm::IntrusiveRefCntPtr<llvm::vfs::OverlayFileSystem> files(
    new llvm::vfs::OverlayFileSystem(llvm::vfs::getRealFileSystem()));
  memory->addFile(std::string(FOLDER) + "/stddef.h", 0, llvm::MemoryBuffer::getMemBuffer(STDDEF));
  memory->addFile(std::string(FOLDER) + "/stdint.h", 0, llvm::MemoryBuffer::getMemBuffer(STDINT));
  files->pushOverlay(memory);
  init_targets();

  auto how = invocation(words_of(job, u), diags, files);
  if (!how || diags->hasErrorOccurred()) return fail(error, JIT_REFUSED, log.str());
  auto text = llvm::MemoryBuffer::getMemBuffer(llvm::StringRef(u.text, u.n), "unit.c", false);
  how->getFrontendOpts().Inputs = {clang::FrontendInputFile(text->getMemBufferRef(), clang::Language::C)};
  how->getFrontendOpts().DisableFree = how->getCodeGenOpts().DisableFree = false;
  how->getCodeGenOpts().DisableLLVMPasses = true;
  clang::CompilerInstance clang;
  clang.setInvocation(how);
  clang.setDiagnostics(diags.get());
  clang.createFileManager(files);
  clang.setVerboseOutputStream(log); // "1 warning generated."
  llvm::LLVMContext context;
  clang::EmitLLVMOnlyAction action(&context);
  if (!clang.ExecuteAction(action)) return fail(error, JIT_REFUSED, log.str());
  llvm::SmallVector<char, 0> object;
  std::string why = emit(*action.takeModule(), *how, object);
  if (!why.empty()) return fail(error, JIT_SYSTEM, why);
  *out = blob_of({object.data(), object.size()});
  return out->p || fail(error, JIT_MEMORY, "");
}

char *identity(const JitJob *) {
  std::string s = clang::getClangFullVersion() + " " + PASSES + " " + llvm::sys::getProcessTriple() + " " +
                  llvm::sys::getHostCPUName().str();
  llvm::StringMap<bool> features;
#if LLVM_VERSION_MAJOR >= 19
  features = llvm::sys::getHostCPUFeatures();
#else
  llvm::sys::getHostCPUFeatures(features);
#endif
  std::vector<std::string> on;
  for (auto &f : features)
    if (f.second) on.push_back(f.first().str());
  std::sort(on.begin(), on.end());
  for (auto &f : on) s += " " + f;
  return strdup(s.c_str());
}

std::unique_ptr<llvm::MemoryBuffer> copy_of(const void *p, size_t n, const char *name) {
  return llvm::MemoryBuffer::getMemBufferCopy(llvm::StringRef(static_cast<const char *>(p), n), name);
}

// The memory of all objects of a model, in one range: they refer to each other by 32 bits, and in a process with large
// mappings the system's pages may be farther apart.
class Range : public llvm::SectionMemoryManager::MemoryMapper {
public:
  explicit Range(size_t n) : size(n), base(mmap(nullptr, n, PROT_NONE, FLAGS, -1, 0)) {}
  ~Range() override {
    if (base != MAP_FAILED) munmap(base, size);
  }
  llvm::sys::MemoryBlock allocateMappedMemory(llvm::SectionMemoryManager::AllocationPurpose, size_t n,
                                              const llvm::sys::MemoryBlock *, unsigned, std::error_code &e) override {
    n = (n + PAGE - 1) / PAGE * PAGE;
    char *p = static_cast<char *>(base) + used;
    if (base == MAP_FAILED || n > size - used || mprotect(p, n, PROT_READ | PROT_WRITE)) {
      e = std::make_error_code(std::errc::not_enough_memory);
      return {};
    }
    used += n;
    return {p, n};
  }
  std::error_code protectMappedMemory(const llvm::sys::MemoryBlock &b, unsigned flags) override {
    return llvm::sys::Memory::protectMappedMemory(b, flags);
  }
  std::error_code releaseMappedMemory(llvm::sys::MemoryBlock &) override { return {}; } // with the range

private:
  static constexpr size_t PAGE = 1 << 16; // of all machines
  static constexpr int FLAGS = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
  size_t size, used = 0;
  void *base;
};

struct Code {
  Range range; // ends after the code in it
  std::unique_ptr<llvm::orc::LLJIT> jit;
};

size_t room(const JitJob *job, const JitBlob *blob, int n) { // sections are at most a few times their object
  size_t sum = 64 << 20;
  for (int i = 0; i < n; i++) sum += 4 * blob[i].n;
  for (int i = 0; i < job->nobject; i++) sum += 4 * job->object[i].n;
  return sum;
}

llvm::Expected<std::unique_ptr<llvm::orc::LLJIT>> link(const JitJob *job, const JitBlob *blob, int n, Range *range) {
  using Layer = llvm::orc::RTDyldObjectLinkingLayer;
  auto jit =
    llvm::orc::LLJITBuilder()
      .setObjectLinkingLayerCreator([range](llvm::orc::ExecutionSession &s, const llvm::Triple &) {
        return std::make_unique<Layer>(s, [range] { return std::make_unique<llvm::SectionMemoryManager>(range); });
      })
      .create();
  if (!jit) return jit.takeError();
  char prefix = (*jit)->getDataLayout().getGlobalPrefix();
  auto process = llvm::orc::DynamicLibrarySearchGenerator::GetForCurrentProcess(prefix);
  if (!process) return process.takeError();
  (*jit)->getMainJITDylib().addGenerator(std::move(*process)); // memset and memcpy
  for (int i = 0; i < n; i++)
    if (auto e = (*jit)->addObjectFile(copy_of(blob[i].p, blob[i].n, "unit"))) return e;
  for (int i = 0; i < job->nobject; i++)
    if (auto e = (*jit)->addObjectFile(copy_of(job->object[i].p, job->object[i].n, "object"))) return e;
  return jit;
}

void *load(const JitJob *job, const JitBlob *blob, int n, JitError *error) {
  init_targets();
  auto code = std::unique_ptr<Code>(new Code{Range(room(job, blob, n)), nullptr});
  auto jit = link(job, blob, n, &code->range);
  if (jit) {
    code->jit = std::move(*jit);
    return code.release();
  }
  fail(error, JIT_SYSTEM, llvm::toString(jit.takeError()));
  return nullptr;
}

const void *symbol(void *code, const char *name) {
  auto at = static_cast<Code *>(code)->jit->lookup(name);
  if (!at) {
    llvm::consumeError(at.takeError());
    return nullptr;
  }
#if LLVM_VERSION_MAJOR >= 17
  return at->toPtr<const void *>();
#elif LLVM_VERSION_MAJOR >= 15
  return reinterpret_cast<const void *>(at->getValue());
#else
  return reinterpret_cast<const void *>(at->getAddress());
#endif
}

void drop(void *code) { delete static_cast<Code *>(code); }

} // namespace

extern "C" const JitBackend gradc_jit_backend;
const JitBackend gradc_jit_backend = {
  "clang " CLANG_VERSION_STRING " (ORC LLJIT)", false, identity, compile, load, symbol, drop,
};
