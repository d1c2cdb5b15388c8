; The installer for Windows x86-64. ./build calls makensis with
;   VERSION NUMBERS FILES OUT LICENCE [GUI] [SIGN]
; FILES is the directory of the programs. Options of the installer:
;   /S             without a window
;   /NOBROWSERS    does not register the module with browsers
;   /D=DIRECTORY   another directory; last, without quotes
Unicode true
Target amd64-unicode
; QUICK is set for tests: the best compression takes half of the build.
!ifdef QUICK
SetCompress off
!else
SetCompressor /SOLID lzma
!endif
ManifestDPIAware true
ManifestSupportedOS all
RequestExecutionLevel admin
CRCCheck force
SetDateSave off

!include MUI2.nsh
!include LogicLib.nsh
!include FileFunc.nsh

!define UNINSTALL "Software\Microsoft\Windows\CurrentVersion\Uninstall\CIE"
; The programs that open files, and the kind of file that the window opens.
!define CLASSES "Software\Classes"
!define ENVELOPE "CIE.Envelope"
; Windows runs the command in this key once for each user, at the next logon.
!define EVERYUSER "Software\Microsoft\Active Setup\Installed Components\{7C9F4C1E-5B0B-4C39-9C5B-6E2C9D1F8A30}"
; The same after the removal, for users who were not logged on at that time.
!define LEAVE "Software\Microsoft\Active Setup\Installed Components\{D2A5B0C7-3C0E-4E57-9E0C-6C0E6B0C4A11}"
!define PROFILES "SOFTWARE\Microsoft\Windows NT\CurrentVersion\ProfileList"

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
LangString OpenDirectory ${LANG_ENGLISH} "Users who are not administrators may write to $INSTDIR, and so could replace the programs. Choose a directory below Program Files."
LangString OpenDirectory ${LANG_ITALIAN} "Nella cartella $INSTDIR possono scrivere anche utenti che non sono amministratori, e quindi sostituire i programmi. Scegli una cartella dentro Programmi."
LangString OpenDirectory ${LANG_GERMAN} "In den Ordner $INSTDIR dürfen auch Benutzer schreiben, die keine Administratoren sind, und so die Programme ersetzen. Wählen Sie einen Ordner unter Programme."
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
	; An update is installed in the directory of the older version.
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

; A running program or a loaded module cannot be overwritten, but it can be
; renamed.
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

; The key storage provider is a file of the system directory, because CNG loads it by name.
; Browsers may have it loaded, so it is renamed like the others. This program is a 64-bit
; one, so $SYSDIR is the directory of 64-bit libraries.
!macro DropProvider
	${If} ${FileExists} "$SYSDIR\cie-ksp.dll"
		Delete "$SYSDIR\cie-ksp.dll"
		${If} ${FileExists} "$SYSDIR\cie-ksp.dll"
			GetTempFileName $1 "$SYSDIR"
			Delete $1
			Rename "$SYSDIR\cie-ksp.dll" $1
			Delete /REBOOTOK $1
		${EndIf}
	${EndIf}
!macroend

Section
	SetShellVarContext all
	; Other users must not be able to replace programs that an administrator runs.
	; The directory must exist to be checked, because it inherits its rights.
	InitPluginsDir
	File "/oname=$PLUGINSDIR\cie.exe" "${FILES}\cie.exe"
	${If} ${FileExists} "$INSTDIR\*.*"
		StrCpy $2 kept
	${Else}
		StrCpy $2 new
	${EndIf}
	CreateDirectory "$INSTDIR"
	nsExec::ExecToLog '"$PLUGINSDIR\cie.exe" check-directory "$INSTDIR"'
	Pop $0
	${If} $0 != 0
		${If} $2 == new
			RMDir "$INSTDIR"
		${EndIf}
		MessageBox MB_OK|MB_ICONSTOP "$(OpenDirectory)" /SD IDOK
		SetErrorLevel 4
		Quit
	${EndIf}
	; An installation after a removal cancels the entry of that removal.
	DeleteRegKey HKLM "${LEAVE}"
	SetOutPath "$INSTDIR"
	!insertmacro Put cie.exe
	!insertmacro Put cie-virtual.exe
	!insertmacro Put cie-pkcs11.dll
	!insertmacro Put cie.ico
	File "/oname=LICENSE.txt" "${LICENCE}"
	!insertmacro DropProvider
	File "/oname=$SYSDIR\cie-ksp.dll" "${FILES}\cie-ksp.dll"
	nsExec::ExecToLog '"$INSTDIR\cie.exe" ksp-register'
	Pop $0
	${If} $0 != 0
		DetailPrint "$(NotAll)"
	${EndIf}
	!ifdef GUI
		!insertmacro Put cie-gui.exe
		CreateShortcut "$SMPROGRAMS\$(Window).lnk" "$INSTDIR\cie-gui.exe"
		; The name depends on the language, so it is recorded for the uninstaller.
		WriteRegStr HKLM "${UNINSTALL}" Shortcut "$SMPROGRAMS\$(Window).lnk"
		; The window is offered for envelopes; a program chosen before stays the default.
		WriteRegStr HKLM "${CLASSES}\${ENVELOPE}" "" "CIE"
		WriteRegStr HKLM "${CLASSES}\${ENVELOPE}\DefaultIcon" "" "$INSTDIR\cie.ico"
		WriteRegStr HKLM "${CLASSES}\${ENVELOPE}\shell\open\command" "" '"$INSTDIR\cie-gui.exe" "%1"'
		WriteRegStr HKLM "${CLASSES}\.p7m\OpenWithProgids" "${ENVELOPE}" ""
		WriteRegStr HKLM "${CLASSES}\.p7s\OpenWithProgids" "${ENVELOPE}" ""
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
	; Each first installation has a time of its own, so that users of a removed earlier
	; one are registered again. An update keeps it, so that a browser that a user
	; unregistered remains unregistered.
	ReadRegStr $3 HKLM "${EVERYUSER}" Version
	${If} $3 == ""
		${GetTime} "" "LS" $0 $1 $2 $3 $4 $5 $6
		StrCpy $3 "$2,$1,$0,$4$5"
		WriteRegStr HKLM "${EVERYUSER}" "" "CIE"
		WriteRegStr HKLM "${EVERYUSER}" Version "$3"
		WriteRegDWORD HKLM "${EVERYUSER}" IsInstalled 1
	${EndIf}
	; With --json it asks no question: a logon must not wait for a PIN.
	WriteRegExpandStr HKLM "${EVERYUSER}" StubPath '"$INSTDIR\cie.exe" browsers enable --json'
	; Register for this user at once; the system account has no browsers.
	UserInfo::GetName
	Pop $0
	${If} $0 != "SYSTEM"
		DetailPrint "$(Browsers)"
		nsExec::ExecToLog '"$INSTDIR\cie.exe" browsers enable'
		Pop $0
		${If} $0 == 0
			WriteRegStr HKCU "${EVERYUSER}" Version "$3"
		${Else}
			; Windows tries again at the next logon, without these rights.
			DetailPrint "$(NotAll)"
		${EndIf}
	${EndIf}
FunctionEnd

; Sets $1 to 1 if another user than this one has a profile on this computer.
Function un.Others
	StrCpy $1 0
	StrCpy $2 0
	${Do}
		EnumRegKey $4 HKLM "${PROFILES}" $2
		${If} $4 == ""
			${Break}
		${EndIf}
		IntOp $2 $2 + 1
		; Accounts of users; the others are those of services.
		StrCpy $5 $4 9
		${If} $5 == "S-1-5-21-"
		${OrIf} $5 == "S-1-12-1-"
			ReadRegStr $5 HKLM "${PROFILES}\$4" ProfileImagePath
			ExpandEnvStrings $5 $5
			${If} $5 != $PROFILE
			${AndIf} ${FileExists} "$5\*.*"
				StrCpy $1 1
			${EndIf}
		${EndIf}
	${Loop}
FunctionEnd

Section Uninstall
	SetShellVarContext all
	; For this user only: a process of an administrator must not trust files in the
	; homes of others.
	nsExec::ExecToLog '"$INSTDIR\cie.exe" leave'
	Pop $3
	nsExec::ExecToLog '"$INSTDIR\cie.exe" browsers disable --system'
	Pop $0
	nsExec::ExecToLog '"$INSTDIR\cie.exe" ksp-unregister'
	Pop $0
	!insertmacro DropProvider
	DeleteRegKey HKLM "${EVERYUSER}"
	DeleteRegKey HKCU "${EVERYUSER}"
	Call un.Others
	${If} $1 == 1
	${OrIf} $3 != 0
		; Other users are unregistered in their own sessions, with their own rights. For
		; that cie.exe remains, and Windows runs it once for each of them.
		StrCpy $R0 stays
		${GetTime} "" "LS" $0 $1 $2 $4 $5 $6 $7
		StrCpy $4 "$2,$1,$0,$5$6"
		WriteRegStr HKLM "${LEAVE}" "" "CIE"
		WriteRegStr HKLM "${LEAVE}" Version "$4"
		WriteRegDWORD HKLM "${LEAVE}" IsInstalled 1
		WriteRegExpandStr HKLM "${LEAVE}" StubPath '"$INSTDIR\cie.exe" leave'
		${If} $3 == 0
			WriteRegStr HKCU "${LEAVE}" Version "$4"
		${EndIf}
	${Else}
		StrCpy $R0 goes
		DeleteRegKey HKCU "${LEAVE}"
	${EndIf}
	ReadRegStr $0 HKLM "${UNINSTALL}" Shortcut
	${If} $0 != ""
		Delete "$0"
	${EndIf}
	DeleteRegKey HKLM "${UNINSTALL}"
	DeleteRegKey HKLM "${CLASSES}\${ENVELOPE}"
	DeleteRegValue HKLM "${CLASSES}\.p7m\OpenWithProgids" "${ENVELOPE}"
	DeleteRegValue HKLM "${CLASSES}\.p7s\OpenWithProgids" "${ENVELOPE}"
	DeleteRegKey /ifempty HKLM "${CLASSES}\.p7m\OpenWithProgids"
	DeleteRegKey /ifempty HKLM "${CLASSES}\.p7s\OpenWithProgids"
	DeleteRegKey /ifempty HKLM "${CLASSES}\.p7m"
	DeleteRegKey /ifempty HKLM "${CLASSES}\.p7s"
	!insertmacro Drop cie-gui.exe
	!insertmacro Drop cie-pkcs11.dll
	!insertmacro Drop cie-virtual.exe
	${If} $R0 == goes
		!insertmacro Drop cie.exe
	${EndIf}
	!insertmacro Drop cie.ico
	!insertmacro Drop LICENSE.txt
	!insertmacro Drop uninstall.exe
	Delete /REBOOTOK "$INSTDIR\ns*.tmp" ; what an update could only rename
	; Last: files of an administrator, for instance certificates, remain.
	${If} $R0 == goes
		RMDir /REBOOTOK "$INSTDIR"
	${EndIf}
SectionEnd
