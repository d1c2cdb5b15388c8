package main

import (
	"cie/cmd/cie/internal/msg"
	"cie/cmd/internal/doctor"
	"cie/cmd/internal/i18n"
)

// doctorSteps are the names of the steps.
var doctorSteps = map[doctor.ID]i18n.Text{
	doctor.Service:      msg.CheckService,
	doctor.Permission:   msg.CheckPermission,
	doctor.Readers:      msg.CheckReaders,
	doctor.Reader:       msg.CheckReader,
	doctor.Card:         msg.CheckCard,
	doctor.Identity:     msg.CheckIdentity,
	doctor.Field:        msg.CheckField,
	doctor.Authenticity: msg.CheckAuthenticity,
	doctor.Tries:        msg.CheckTries,
	doctor.Certificate:  msg.CheckCertificate,
	doctor.Module:       msg.CheckModule,
	doctor.ModuleCard:   msg.CheckModuleCard,
	doctor.Browser:      msg.CheckBrowser,
	doctor.P11Kit:       msg.CheckP11Kit,
	doctor.Login:        msg.CheckLogin,
	doctor.TLS13:        msg.CheckTLS13,
}

// finding is the text of a finding and the values that it takes.
type finding struct {
	text   i18n.Text
	values []string
}

var findings = map[doctor.Finding]finding{
	doctor.Waits:               {msg.FindWaits, nil},
	doctor.ServiceAnswers:      {msg.FindServiceAnswers, nil},
	doctor.ServiceMissing:      {msg.FindServiceMissing, nil},
	doctor.ServiceStopped:      {msg.FindServiceStopped, nil},
	doctor.ServiceHangs:        {msg.FindServiceHangs, nil},
	doctor.ServiceFails:        {msg.FindServiceFails, nil},
	doctor.AccessGranted:       {msg.FindAccessGranted, nil},
	doctor.AccessDenied:        {msg.FindAccessDenied, nil},
	doctor.AccessRemote:        {msg.FindAccessRemote, nil},
	doctor.ReadersFound:        {msg.FindReaders, []string{"names"}},
	doctor.NoReader:            {msg.FindNoReader, nil},
	doctor.ReaderTaken:         {msg.FindReaderTaken, []string{"usb", "modules"}},
	doctor.ReaderUnclaimed:     {msg.FindReaderUnclaimed, []string{"usb"}},
	doctor.ReaderIntegrated:    {msg.FindReaderIntegrated, nil},
	doctor.ReaderGood:          {msg.FindReaderGood, nil},
	doctor.ReaderThreatened:    {msg.FindReaderThreatened, nil},
	doctor.ReaderStillLoaded:   {msg.FindReaderStillLoaded, nil},
	doctor.ReaderNoField:       {msg.FindReaderNoField, nil},
	doctor.CardPresent:         {msg.FindCardPresent, nil},
	doctor.NoCard:              {msg.FindNoCard, nil},
	doctor.CardMute:            {msg.FindCardMute, nil},
	doctor.CardExclusive:       {msg.FindCardExclusive, nil},
	doctor.IsCIE:               {msg.FindIsCIE, []string{"family"}},
	doctor.ForeignCard:         {msg.FindForeignCard, nil},
	doctor.CardFails:           {msg.FindCardFails, nil},
	doctor.FieldGood:           {msg.FindFieldGood, []string{"reads"}},
	doctor.FieldWeak:           {msg.FindFieldWeak, []string{"failed", "reads"}},
	doctor.FieldBad:            {msg.FindFieldBad, []string{"failed", "reads"}},
	doctor.Genuine:             {msg.FindGenuine, nil},
	doctor.IssuerUnknown:       {msg.FindIssuerUnknown, nil},
	doctor.NotGenuine:          {msg.FindNotGenuine, nil},
	doctor.AuthenticityFails:   {msg.FindAuthenticityFails, nil},
	doctor.TriesFull:           {msg.FindTriesFull, []string{"pin", "puk"}},
	doctor.TriesSpent:          {msg.FindTriesSpent, []string{"pin", "puk"}},
	doctor.TriesUnknown:        {msg.FindTriesUnknown, nil},
	doctor.PINBlocked:          {msg.FindPINBlocked, nil},
	doctor.PUKBlocked:          {msg.FindPUKBlocked, nil},
	doctor.CertificateValid:    {msg.FindCertValid, []string{"until"}},
	doctor.CertificateEnds:     {msg.FindCertEnds, []string{"until"}},
	doctor.CertificateGrace:    {msg.FindCertGrace, []string{"until", "grace"}},
	doctor.CertificateExpired:  {msg.FindCertExpired, []string{"until", "grace"}},
	doctor.CertificateEarly:    {msg.FindCertEarly, []string{"from"}},
	doctor.CertificateNeedsPIN: {msg.FindCertNeedsPIN, nil},
	doctor.CertificateFails:    {msg.FindCertFails, nil},
	doctor.PINWrong:            {msg.FindPINWrong, []string{"tries"}},
	doctor.ModuleLoads:         {msg.FindModuleLoads, []string{"path"}},
	doctor.ModuleMissing:       {msg.FindModuleMissing, []string{"path"}},
	doctor.ModuleRefused:       {msg.FindModuleRefused, []string{"path"}},
	doctor.ModuleForeign:       {msg.FindModuleForeign, []string{"path"}},
	doctor.ModuleFails:         {msg.FindModuleFails, []string{"path"}},
	doctor.ModuleCrashes:       {msg.FindModuleCrashes, []string{"path"}},
	doctor.ModuleHangs:         {msg.FindModuleHangs, []string{"path"}},
	doctor.ModuleSeesCard:      {msg.FindModuleSeesCard, nil},
	doctor.ModuleSeesNone:      {msg.FindModuleSeesNone, nil},
	doctor.BrowserNone:         {msg.FindNoBrowser, nil},
	doctor.OpenSCInFirefox:     {msg.FindOpenSCInFirefox, []string{"file", "override", "line"}},
	doctor.OpenSCInP11Kit:      {msg.FindOpenSCInP11Kit, []string{"file", "override", "line"}},
	doctor.LoginWorks:          {msg.FindLoginWorks, []string{"version"}},
	doctor.LoginFails:          {msg.FindLoginFails, nil},
	doctor.LoginNeedsPIN:       {msg.FindLoginNeedsPIN, nil},
	doctor.TLS13Impossible:     {msg.FindTLS13, nil},
	doctor.TLS13Refused:        {msg.FindTLS13Tried, nil},
	doctor.TLS13Works:          {msg.FindTLS13Works, nil},

	doctor.FindingOf(doctor.BrowserReady):        {msg.FindBrowserReady, nil},
	doctor.FindingOf(doctor.BrowserRestart):      {msg.FindBrowserRestart, []string{"running"}},
	doctor.FindingOf(doctor.BrowserNotLoadable):  {msg.FindBrowserNotLoadable, nil},
	doctor.FindingOf(doctor.BrowserOff):          {msg.FindBrowserOff, nil},
	doctor.FindingOf(doctor.BrowserElsewhere):    {msg.FindBrowserElsewhere, nil},
	doctor.FindingOf(doctor.BrowserDamaged):      {msg.FindBrowserDamaged, []string{"reason"}},
	doctor.FindingOf(doctor.BrowserNeverStarted): {msg.FindBrowserNeverStarted, nil},
	doctor.FindingOf(doctor.BrowserSandboxed):    {msg.FindBrowserSandboxed, []string{"packaging"}},
	doctor.FindingOf(doctor.BrowserUnavailable):  {msg.FindBrowserUnavailable, []string{"reason"}},
}

var remedies = map[doctor.Remedy]i18n.Text{
	doctor.InstallPCSC:      msg.DoInstallPCSC,
	doctor.StartPCSC:        msg.DoStartPCSC,
	doctor.RestartPCSC:      msg.DoRestartPCSC,
	doctor.AllowAccess:      msg.DoAllowAccess,
	doctor.SitAtComputer:    msg.DoSitAtComputer,
	doctor.PlugReader:       msg.DoPlugReader,
	doctor.FreeReader:       msg.DoFreeReader,
	doctor.Reboot:           msg.DoReboot,
	doctor.InstallDriver:    msg.DoInstallDriver,
	doctor.OtherReader:      msg.DoOtherReader,
	doctor.KeepOpenSCOut:    msg.DoKeepOpenSCOut,
	doctor.LayCard:          msg.DoLayCard,
	doctor.LayCardAgain:     msg.DoLayCardAgain,
	doctor.CloseOthers:      msg.DoCloseOthers,
	doctor.UseCIE:           msg.DoUseCIE,
	doctor.MoveCard:         msg.DoMoveCard,
	doctor.AddIssuer:        msg.DoAddIssuer,
	doctor.ShowMunicipality: msg.DoShowMunicipality,
	doctor.Careful:          msg.DoCareful,
	doctor.UnblockPIN:       msg.DoUnblockPIN,
	doctor.NewCard:          msg.DoNewCard,
	doctor.RenewCard:        msg.DoRenewCard,
	doctor.CheckClock:       msg.DoCheckClock,
	doctor.GivePIN:          msg.DoGivePIN,
	doctor.CheckPIN:         msg.DoCheckPIN,
	doctor.Reinstall:        msg.DoReinstall,
	doctor.EnableBrowsers:   msg.DoEnableBrowsers,
	doctor.RestartBrowser:   msg.DoRestartBrowser,
	doctor.StartBrowser:     msg.DoStartBrowser,
	doctor.NativeBrowser:    msg.DoNativeBrowser,
	doctor.MendProfile:      msg.DoMendProfile,
	doctor.InstallBrowser:   msg.DoInstallBrowser,
	doctor.ReportIt:         msg.DoReportIt,
}

// findingText says what a step found; in a report without private values.
func (a *app) findingText(c doctor.Check, report bool) string {
	f, ok := findings[c.Finding]
	if !ok {
		return string(c.Finding)
	}
	var args []any
	for _, name := range f.values {
		arg := "?"
		for _, v := range c.Values {
			switch {
			case v.Name == name && report && v.Private:
				arg = "..."
			case v.Name == name && v.Text != "":
				arg = v.Text
			}
		}
		args = append(args, arg)
	}
	return a.text(f.text, args...)
}

// remedyText says what to do; "" when there is nothing to do.
func (a *app) remedyText(r doctor.Remedy) string {
	t, ok := remedies[r]
	if !ok {
		return string(r)
	}
	return a.text(t)
}
