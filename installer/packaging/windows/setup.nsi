; The installer for Windows x86-64. ./build calls makensis with
;   VERSION NUMBERS FILES OUT LICENCE [GUI] [SIGN]
; FILES is the directory of the programs. Options of the installer:
;   /S             without a window
;   /NOBROWSERS    browsers are not told of the module
;   /D=DIRECTORY   another directory; last, without quotes
Unicode true
Target amd64-unicode
SetCompressor /SOLID lzma
ManifestDPIAware true
ManifestSupportedOS all
RequestExecutionLevel admin
CRCCheck force
SetDateSave off

!include MUI2.nsh
!include LogicLib.nsh
!include FileFunc.nsh

!define UNINSTALL "Software\Microsoft\Windows\CurrentVersion\Uninstall\CIE"
; Windows runs what stands here once for each user, at the next logon.
!define EVERYUSER "Software\Microsoft\Active Setup\Installed Components\{7C9F4C1E-5B0B-4C39-9C5B-6E2C9D1F8A30}"
!define RUN "Software\Microsoft\Windows\CurrentVersion\Run"

Name "CIE ${VERSION}"
BrandingText " "
OutFile "${OUT}"
InstallDir "$PROGRAMFILES64\CIE"
VIProductVersion "${NUMBERS}"
!macro About language what
	VIAddVersionKey /LANG=${language} ProductName "CIE"
	VIAddVersionKey /LANG=${language} ProductVersion "${VERSION}"
	VIAddVersionKey /LANG=${language} FileVersion "${VERSION}"
	VIAddVersionKey /LANG=${language} FileDescription "${what}"
	VIAddVersionKey /LANG=${language} LegalCopyright "EUPL-1.2"
!macroend
!ifdef SIGN
	!finalize '${SIGN} "%1"'
	!uninstfinalize '${SIGN} "%1"'
!endif

!define MUI_ICON "${FILES}/cie.ico"
!define MUI_UNICON "${FILES}/cie.ico"
!define MUI_ABORTWARNING
!insertmacro MUI_PAGE_LICENSE "${LICENCE}"
!insertmacro MUI_PAGE_DIRECTORY
!insertmacro MUI_PAGE_INSTFILES
!ifdef GUI
	!define MUI_FINISHPAGE_RUN
	!define MUI_FINISHPAGE_RUN_FUNCTION OpenWindow
!endif
!define MUI_FINISHPAGE_TEXT "$(Finished)"
!insertmacro MUI_PAGE_FINISH
!insertmacro MUI_UNPAGE_CONFIRM
!insertmacro MUI_UNPAGE_INSTFILES

; The language of the system, the first one for any other.
!insertmacro MUI_LANGUAGE "English"
!insertmacro MUI_LANGUAGE "Italian"
!insertmacro MUI_LANGUAGE "German"
!insertmacro About ${LANG_ENGLISH} "Installer of the software for the Italian electronic identity card"
!insertmacro About ${LANG_ITALIAN} "Installazione del software per la carta d'identità elettronica"
!insertmacro About ${LANG_GERMAN} "Installation der Software für den italienischen elektronischen Personalausweis"

LangString Finished ${LANG_ENGLISH} "The card can be used now. Firefox knows it after it is closed and opened again. Other users of this computer have it at their next logon."
LangString Finished ${LANG_ITALIAN} "Ora la carta si può usare. Firefox la conosce dopo averlo chiuso e riaperto. Gli altri utenti di questo computer la trovano al prossimo accesso."
LangString Finished ${LANG_GERMAN} "Der Ausweis kann jetzt benutzt werden. Firefox kennt ihn, sobald es geschlossen und wieder geöffnet wurde. Andere Benutzer dieses Computers haben ihn ab ihrer nächsten Anmeldung."
LangString Browsers ${LANG_ENGLISH} "Telling the browsers of the card"
LangString Browsers ${LANG_ITALIAN} "Presentazione della carta ai browser"
LangString Browsers ${LANG_GERMAN} "Die Browser werden mit dem Ausweis bekannt gemacht"
LangString NotAll ${LANG_ENGLISH} "Not every browser could be set up: see the page Online services of CIE, or type cie doctor."
LangString NotAll ${LANG_ITALIAN} "Non tutti i browser si sono potuti configurare: guarda la pagina Servizi online di CIE, oppure scrivi cie doctor."
LangString NotAll ${LANG_GERMAN} "Nicht alle Browser konnten eingerichtet werden: siehe die Seite Online-Dienste von CIE, oder cie doctor."
LangString Windows64 ${LANG_ENGLISH} "This software needs 64-bit Windows 10 or later."
LangString Windows64 ${LANG_ITALIAN} "Questo software richiede Windows 10 o successivo, a 64 bit."
LangString Windows64 ${LANG_GERMAN} "Diese Software braucht Windows 10 oder neuer mit 64 Bit."
LangString Window ${LANG_ENGLISH} "Electronic identity card"
LangString Window ${LANG_ITALIAN} "Carta d'identità elettronica"
LangString Window ${LANG_GERMAN} "Elektronischer Personalausweis"

!include x64.nsh
!include WinVer.nsh

Function .onInit
	SetRegView 64
	${IfNot} ${AtLeastWin10}
		MessageBox MB_OK|MB_ICONSTOP "$(Windows64)" /SD IDOK
		SetErrorLevel 3
		Quit
	${EndIf}
	; An update goes where the software is.
	ReadRegStr $0 HKLM "${UNINSTALL}" InstallLocation
	${If} $0 != ""
	${AndIf} $INSTDIR == "$PROGRAMFILES64\CIE"
		StrCpy $INSTDIR $0
	${EndIf}
FunctionEnd

Function un.onInit
	SetRegView 64
FunctionEnd

!ifdef GUI
Function OpenWindow
	; Through the shell, so that it runs with the rights of the user.
	Exec '"$WINDIR\explorer.exe" "$INSTDIR\cie-gui.exe"'
FunctionEnd
!endif

; A program that runs, or a module that a browser has loaded, cannot be written
; over, but it can be renamed.
!macro Put name
	${If} ${FileExists} "$INSTDIR\${name}"
		Delete "$INSTDIR\${name}"
		${If} ${FileExists} "$INSTDIR\${name}"
			GetTempFileName $1 "$INSTDIR"
			Delete $1
			Rename "$INSTDIR\${name}" $1
			Delete /REBOOTOK $1
		${EndIf}
	${EndIf}
	File "${FILES}\${name}"
!macroend
!macro Drop name
	Delete "$INSTDIR\${name}"
	${If} ${FileExists} "$INSTDIR\${name}"
		GetTempFileName $1
		Delete $1
		Rename "$INSTDIR\${name}" $1
		Delete /REBOOTOK $1
	${EndIf}
	Delete /REBOOTOK "$INSTDIR\${name}"
!macroend

Section
	SetShellVarContext all
	SetOutPath "$INSTDIR"
	!insertmacro Put cie.exe
	!insertmacro Put cie-virtual.exe
	!insertmacro Put cie-pkcs11.dll
	!insertmacro Put cie.ico
	File "/oname=LICENSE.txt" "${LICENCE}"
	!ifdef GUI
		!insertmacro Put cie-gui.exe
		CreateShortcut "$SMPROGRAMS\$(Window).lnk" "$INSTDIR\cie-gui.exe"
		; The name depends on the language: remember it for the uninstaller.
		WriteRegStr HKLM "${UNINSTALL}" Shortcut "$SMPROGRAMS\$(Window).lnk"
	!endif
	WriteUninstaller "$INSTDIR\uninstall.exe"

	WriteRegStr HKLM "${UNINSTALL}" DisplayName "CIE"
	WriteRegStr HKLM "${UNINSTALL}" DisplayVersion "${VERSION}"
	WriteRegStr HKLM "${UNINSTALL}" DisplayIcon "$INSTDIR\cie.ico"
	WriteRegStr HKLM "${UNINSTALL}" Publisher "CIE"
	WriteRegStr HKLM "${UNINSTALL}" InstallLocation "$INSTDIR"
	WriteRegStr HKLM "${UNINSTALL}" UninstallString '"$INSTDIR\uninstall.exe"'
	WriteRegStr HKLM "${UNINSTALL}" QuietUninstallString '"$INSTDIR\uninstall.exe" /S'
	WriteRegDWORD HKLM "${UNINSTALL}" NoModify 1
	WriteRegDWORD HKLM "${UNINSTALL}" NoRepair 1
	${GetSize} "$INSTDIR" "/S=0K" $0 $1 $2
	WriteRegDWORD HKLM "${UNINSTALL}" EstimatedSize $0

	${GetParameters} $0
	ClearErrors
	${GetOptions} $0 "/NOBROWSERS" $1
	${If} ${Errors}
		Call Browsers
	${EndIf}
SectionEnd

Function Browsers
	; A time of its own for each first installation: who had an earlier one and
	; removed it is asked again. An update keeps it, and so nobody who switched
	; a browser off finds it on again.
	ReadRegStr $3 HKLM "${EVERYUSER}" Version
	${If} $3 == ""
		${GetTime} "" "LS" $0 $1 $2 $3 $4 $5 $6
		StrCpy $3 "$2,$1,$0,$4$5"
		WriteRegStr HKLM "${EVERYUSER}" "" "CIE"
		WriteRegStr HKLM "${EVERYUSER}" Version "$3"
		WriteRegDWORD HKLM "${EVERYUSER}" IsInstalled 1
	${EndIf}
	WriteRegExpandStr HKLM "${EVERYUSER}" StubPath '"$INSTDIR\cie.exe" browsers enable'
	; This user need not wait for that; the system itself has no browsers.
	UserInfo::GetName
	Pop $0
	${If} $0 != "SYSTEM"
		WriteRegStr HKCU "${EVERYUSER}" Version "$3"
		DetailPrint "$(Browsers)"
		nsExec::ExecToLog '"$INSTDIR\cie.exe" browsers enable'
		Pop $0
		${If} $0 != 0
			DetailPrint "$(NotAll)"
		${EndIf}
	${EndIf}
FunctionEnd

Section Uninstall
	SetShellVarContext all
	nsExec::ExecToLog '"$INSTDIR\cie.exe" browsers disable --all-users'
	Pop $0
	nsExec::ExecToLog '"$INSTDIR\cie.exe" browsers disable --system'
	Pop $0
	DeleteRegKey HKLM "${EVERYUSER}"
	DeleteRegKey HKCU "${EVERYUSER}"
	DeleteRegValue HKCU "${RUN}" "CIE"
	ReadRegStr $0 HKLM "${UNINSTALL}" Shortcut
	${If} $0 != ""
		Delete "$0"
	${EndIf}
	DeleteRegKey HKLM "${UNINSTALL}"
	!insertmacro Drop cie-gui.exe
	!insertmacro Drop cie-pkcs11.dll
	!insertmacro Drop cie-virtual.exe
	!insertmacro Drop cie.exe
	!insertmacro Drop cie.ico
	!insertmacro Drop LICENSE.txt
	!insertmacro Drop uninstall.exe
	Delete /REBOOTOK "$INSTDIR\ns*.tmp" ; what an update could only rename
	; What the programs kept of this user: public data of cards, logs, settings.
	SetShellVarContext current
	RMDir /r "$LOCALAPPDATA\cie\cards"
	RMDir /r "$LOCALAPPDATA\cie\logs"
	RMDir "$LOCALAPPDATA\cie"
	Delete "$APPDATA\cie\gui.json"
	RMDir "$APPDATA\cie"
	; Last: what an administrator put there, certificates for instance, stays.
	RMDir /REBOOTOK "$INSTDIR"
SectionEnd
